import { randomBytes } from 'node:crypto'
import type { ApprovalRule } from '../../domain/approvers.ts'
import type { Clock } from '../../domain/clock.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { untilWritten } from '../../state/change-entry.ts'
import type { ApprovalRequest, OnApprovalEvent } from './approval-request.ts'
import type { OpenRequests } from './open-requests.ts'
import { beginningOf, type BoundCall, type RequestKeys, type Slot } from './request-keys.ts'
import type { KeptRequest, RequestStore } from './request-store.ts'

/** How long requests stay in lists after they have ended, and a call may go on for after it was approved. */
const KEEP_MS = 3_600_000
const ATTEMPTS = 4

/** A call that needs approval. */
export interface AskedCall extends BoundCall {
  readonly rule: ApprovalRule
  /** What approvers see in addition to the arguments. */
  readonly about: { readonly server: string; readonly tool: string; readonly client?: string | undefined }
  /** The arguments as approvers see them. Asked for only when there is a new request. @throws GatewayError */
  readonly shown: () => { readonly shown: JsonObject; readonly text: string; readonly bytes: number }
}

/** An approval that a call has consumed. */
export interface Use {
  readonly slot: Slot
  readonly request: ApprovalRequest
  readonly version: string
  /** When the approval would have expired. */
  readonly until: number
}

/** What there is for a call: an approval, which is used up now, or a request that is open or was denied. */
export type Claim =
  | { readonly state: 'approved'; readonly use: Use }
  | { readonly state: 'open' | 'denied'; readonly request: ApprovalRequest }

interface ClaimsOptions {
  readonly requests: RequestStore
  readonly openRequests: OpenRequests
  readonly keys: RequestKeys
  /** How long a request can be answered, and an approval be used. */
  readonly requestTtlMs: number
  readonly grantTtlMs: number
  readonly onEvent: OnApprovalEvent
  readonly clock: Clock
}

/**
 * The approvals that calls wait for and use. Every change is a conditional write to the version that was read, so that only one
 * of two equal calls uses the approval, also at different replicas.
 */
export class Claims {
  readonly #options: ClaimsOptions

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  /**
   * Uses the approval of a call up, if there is one; else makes the request for it, once.
   * @throws GatewayError `too_many_approvals`, `state_unavailable`
   */
  async claim(call: AskedCall): Promise<Claim> {
    const contended = 'Too many equal calls ask for approval at the same time'
    return untilWritten(() => this.#tryClaim(call), { attempts: ATTEMPTS, contended })
  }

  async #tryClaim(call: AskedCall): Promise<Claim | undefined> {
    const { requests, keys } = this.#options
    const { binding, ...slot } = keys.slotOf(call)
    const kept = await requests.get(slot)
    const isThis = kept?.request.binding === binding && kept.request.rule === call.rule
    const status = isThis ? kept.request.status : undefined
    if (isThis && (status === 'open' || status === 'denied')) return { state: status, request: kept.request }
    if (isThis && status === 'approved') {
      const use = await this.#used(slot, kept)
      return use && { state: 'approved', use }
    }
    const request = await this.#asked(slot, binding, { call, kept })
    return request && { state: 'open', request }
  }

  /** Gives an approval back that a call has used up and was not sent with. */
  async giveBack({ slot, request, version, until }: Use): Promise<void> {
    const { usedAt: _usedAt, nextRound: _nextRound, ...approved } = request
    const restored: ApprovalRequest = { ...approved, status: 'approved', expiresAt: until }
    const { requests, clock, onEvent } = this.#options
    if (until <= clock.now()) return
    const written = await requests.put(slot, restored, { expected: version, until })
    if (written !== undefined) onEvent('returned', restored)
  }

  /** Lets the next round of a call that was approved go on, once; the token that it has to bring. */
  async expectRound({ slot, request, version }: Use): Promise<string | undefined> {
    const { requests, clock } = this.#options
    const nextRound = randomBytes(16).toString('base64url')
    const next = await requests.put(
      slot,
      { ...request, nextRound },
      { expected: version, until: clock.now() + KEEP_MS },
    )
    return next === undefined ? undefined : nextRound
  }

  /** The approval of a call whose next round brings that token; undefined when it cannot go on. */
  async nextRound(call: BoundCall, token: string): Promise<Use | undefined> {
    const { requests, keys, clock } = this.#options
    const { binding, ...slot } = keys.slotOf(call)
    const kept = await requests.get(slot)
    if (kept?.request.status !== 'used' || kept.request.binding !== binding) return undefined
    const { nextRound, ...request } = kept.request
    if (nextRound !== token) return undefined
    const version = await requests.put(slot, request, {
      expected: kept.version,
      until: clock.now() + KEEP_MS,
    })
    return version === undefined ? undefined : { slot, request, version, until: 0 }
  }

  /** Whether a request is one for this very call. */
  isFor(id: string, call: BoundCall): boolean {
    return id.startsWith(beginningOf(this.#options.keys.slotOf(call)))
  }

  async #used(slot: Slot, { request, version }: KeptRequest): Promise<Use | undefined> {
    const { requests, clock, onEvent } = this.#options
    const now = clock.now()
    const used: ApprovalRequest = { ...request, status: 'used', usedAt: now }
    const written = await requests.put(slot, used, { expected: version, until: now + KEEP_MS })
    if (written === undefined) return undefined
    onEvent('used', used)
    return { slot, request: used, version: written, until: request.expiresAt }
  }

  /** Makes a request in a slot; undefined if another writer was faster. */
  async #asked(
    slot: Slot,
    binding: string,
    { call, kept }: { call: AskedCall; kept: KeptRequest | undefined },
  ): Promise<ApprovalRequest | undefined> {
    const { requests, openRequests, keys, requestTtlMs, grantTtlMs, onEvent, clock } = this.#options
    return openRequests.withRoom(slot, async () => {
      const { principal, rule, about } = call
      const shown = call.shown()
      const now = clock.now()
      const { subject, agent, issuer } = principal
      const { client, ...target } = about
      const request: ApprovalRequest = {
        id: keys.newId(slot),
        tenantId: principal.tenantId,
        requester: {
          subject,
          issuer,
          ...(agent !== undefined && { agent }),
          ...(client !== undefined && { client }),
        },
        ...target,
        rule,
        binding,
        argumentBytes: shown.bytes,
        createdAt: now,
        expiresAt: now + requestTtlMs,
        status: 'open',
      }
      await requests.putArguments(slot, request, shown.text, request.expiresAt + grantTtlMs + KEEP_MS)
      const written = await requests.put(slot, request, {
        expected: kept?.version ?? null,
        until: request.expiresAt,
      })
      if (written === undefined) return undefined
      onEvent('requested', request)
      return request
    })
  }
}
