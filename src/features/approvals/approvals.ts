import type { Actor, Administration } from '../../audit/administration.ts'
import { type Approver, isApprover, refusalToApprove } from '../../domain/approvers.ts'
import { type Clock, sleep } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ApprovalRequest, OnApprovalEvent, Verdict } from './approval-request.ts'
import { type Slot, slotOfId } from './request-keys.ts'
import type { KeptRequest, RequestStore } from './request-store.ts'

/** How often it is looked whether a request was answered at another replica. */
const LOOK_MS = 1000

/** More than a tenant may have open, and those that were answered lately. */
const MAX_LISTED = 20_000

/** Who answers a request, and whether in person. */
export interface Answerer extends Actor {
  readonly principal: Principal
  readonly isPerson: boolean
}

interface Answer {
  readonly verdict: Verdict
  readonly reason?: string | undefined
}

interface ApprovalsOptions {
  readonly requests: RequestStore
  readonly approverRoles: readonly string[]
  /** How long an approval can be used. */
  readonly grantTtlMs: number
  readonly onEvent: OnApprovalEvent
  /** Where answers are recorded. */
  readonly acts: Pick<Administration, 'perform'>
  readonly clock: Clock
}

/**
 * Requests for a person's yes, for those who answer them. They are the same for all replicas: of two who answer one,
 * one is first.
 */
export class Approvals {
  readonly #options: ApprovalsOptions

  constructor(options: ApprovalsOptions) {
    this.#options = options
  }

  get approverRoles(): readonly string[] {
    return this.#options.approverRoles
  }

  /** A request as a principal may see it: its own, or as an approver any of its tenant. */
  async find(id: string, principal: Approver['principal']): Promise<ApprovalRequest> {
    return (await this.#visible(id, principal)).request
  }

  /** The arguments of a request, without secrets. */
  async argumentsOf({ tenantId, id }: ApprovalRequest): Promise<JsonObject> {
    const slot = slotOfId(tenantId, id)
    const found = slot && (await this.#options.requests.arguments(slot, { id }))
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `shown` writes them
    return (found ?? {}) as JsonObject
  }

  /** The requests that a principal may see, the newest first. */
  async list(principal: Approver['principal']): Promise<ApprovalRequest[]> {
    const { requests, approverRoles } = this.#options
    const all = await requests.list(principal.tenantId, { limit: MAX_LISTED })
    const seesAll = isApprover(principal, approverRoles)
    return all
      .filter(({ requester }) => seesAll || requester.subject === principal.subject)
      .toSorted((one, other) => other.createdAt - one.createdAt)
  }

  /**
   * Answers a request, unless it was answered already, and records the approver.
   * @throws GatewayError `approval_not_found`, `forbidden`, `approval_closed`, `audit_unavailable`
   */
  async answer(id: string, answerer: Answerer, answer: Answer): Promise<ApprovalRequest> {
    return this.#options.acts.perform(
      answerer,
      () => this.#answered(id, answerer, answer),
      (request) => ({
        action: answer.verdict === 'approved' ? 'approval.approve' : 'approval.deny',
        object: { tenantId: request.tenantId, name: id },
        server: request.server,
        change: {
          tool: request.tool,
          rule: request.rule,
          requester: request.requester,
          argumentBytes: request.argumentBytes,
          ...(answer.reason !== undefined && { reason: answer.reason }),
        },
      }),
    )
  }

  /** Resolves as soon as a request was answered, here or at another replica, or after `withinMs`. */
  async untilAnswered(
    { id, tenantId }: Pick<ApprovalRequest, 'id' | 'tenantId'>,
    { signal, withinMs }: { signal: AbortSignal; withinMs: number },
  ): Promise<void> {
    const { clock, requests } = this.#options
    const slot = slotOfId(tenantId, id)
    const end = clock.monotonic() + withinMs
    if (slot === undefined) return
    for (;;) {
      const request = (await requests.get(slot))?.request
      const remainingMs = end - clock.monotonic()
      if (request?.id !== id || request.status !== 'open' || remainingMs <= 0 || signal.aborted) return
      await this.#pause(id, Math.min(LOOK_MS, remainingMs), signal)
    }
  }

  async #answered(
    id: string,
    { principal, isPerson }: Answerer,
    { verdict, reason }: Answer,
  ): Promise<ApprovalRequest> {
    const { requests, approverRoles, grantTtlMs, onEvent, clock } = this.#options
    const { slot, request, version } = await this.#visible(id, principal)
    refuse(refusalOf(request, { principal, isPerson }, { approverRoles, verdict }))
    if (request.status !== 'open') throw closed(request)
    const { subject, agent } = principal
    const now = clock.now()
    const until = now + grantTtlMs
    const answered: ApprovalRequest = {
      ...request,
      status: verdict,
      expiresAt: until,
      answer: {
        subject,
        ...(agent !== undefined && { agent }),
        at: now,
        ...(reason !== undefined && { reason }),
      },
    }
    const written = await requests.put(slot, answered, { expected: version, until })
    if (written === undefined) throw closed((await this.#visible(id, principal)).request)
    onEvent(verdict, answered)
    return answered
  }

  async #visible(
    id: string,
    principal: Approver['principal'],
  ): Promise<KeptRequest & { readonly slot: Slot }> {
    const { requests, approverRoles } = this.#options
    const slot = slotOfId(principal.tenantId, id)
    const kept = slot && (await requests.get(slot))
    if (slot === undefined || kept?.request.id !== id) throw new GatewayError('approval_not_found')
    const isOwn = kept.request.requester.subject === principal.subject
    if (!isOwn && !isApprover(principal, approverRoles)) throw new GatewayError('approval_not_found')
    return { ...kept, slot }
  }

  /** Until the request changes in this process, at most that long. */
  async #pause(id: string, ms: number, signal: AbortSignal): Promise<void> {
    const changed = new AbortController()
    const stop = this.#options.requests.onChange((request) => {
      if (request.id === id) changed.abort()
    })
    try {
      await sleep(this.#options.clock, ms, AbortSignal.any([signal, changed.signal]))
    } finally {
      stop()
    }
  }
}

/** Anybody may say no to a call in the own name; a yes follows the rule. */
function refusalOf(
  { requester, tenantId, rule }: ApprovalRequest,
  approver: Approver,
  { approverRoles, verdict }: { approverRoles: readonly string[]; verdict: Verdict },
): ReturnType<typeof refusalToApprove> {
  const isOwn = approver.principal.subject === requester.subject
  if (verdict === 'denied' && isOwn) return undefined
  return refusalToApprove(approver, { tenantId, subject: requester.subject }, { rule, approverRoles })
}

const REFUSALS = {
  'another-tenant': 'The request belongs to another tenant',
  'own-call': 'A second person has to approve this call: you are the one in whose name it is made',
  'not-in-person':
    'A call in your own name is approved by you in person: open its page in a browser. A program that has a token of yours cannot approve it',
  'no-approver': 'Approving the calls of others needs a role that you do not have',
} as const

function refuse(refusal: ReturnType<typeof refusalToApprove>): void {
  if (refusal !== undefined) throw new GatewayError('forbidden', REFUSALS[refusal])
}

function closed({ status, answer }: ApprovalRequest): GatewayError {
  const who = answer === undefined ? '' : ` by ${answer.subject}`
  return new GatewayError(
    'approval_closed',
    `The request was ${status === 'denied' ? 'denied' : 'approved'}${who} already`,
  )
}
