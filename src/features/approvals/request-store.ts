import { lruCache } from '../../cache/lru.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { jsonIn } from '../../domain/json/json.ts'
import type { StateEntry, StateStore } from '../../state/state-store.ts'
import { type ApprovalRequest, storedRequest } from './approval-request.ts'
import { keyOf, prefixOf, type Slot } from './request-keys.ts'

const REQUESTS = 'approvals'
const ARGUMENTS = 'approval-arguments'
/** Each is a turn of the thread that has the store, and opening the entries of one must not hold up everybody. */
const PAGE = 500
/** Of all tenants; half a kilobyte each. More than several tenants may have, as each new request looks at all of its tenant. */
const MAX_KNOWN = 50_000

/** A request as it is kept, and its version. */
export interface KeptRequest {
  readonly request: ApprovalRequest
  readonly version: string
}

/** Requests for approval in the state of the gateway, sealed against readers of the store. */
export class RequestStore {
  readonly #store: StateStore
  readonly #sealing: Sealing
  /** Each version is opened and checked once, because every new request counts those there are. */
  readonly #known = lruCache<KeptRequest>(MAX_KNOWN)
  readonly #listeners = new Set<(request: ApprovalRequest) => void>()

  constructor(options: { store: StateStore; keys: KeyRing }) {
    this.#store = options.store
    this.#sealing = new Sealing(options.keys, 'approvals')
  }

  /** Calls `listener` with each request that this process writes; returns what ends that. */
  onChange(listener: (request: ApprovalRequest) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async get(slot: Slot): Promise<KeptRequest | undefined> {
    const key = keyOf(slot)
    const entry = await this.#store.get(REQUESTS, key)
    return entry && this.#opened(entry)
  }

  /**
   * Writes a request in place of the version that was read; `null`: in place of none. The new version; undefined, and
   * nothing changed, if another writer was faster.
   * @param options.until when it is forgotten
   */
  async put(
    slot: Slot,
    request: ApprovalRequest,
    { expected, until }: { expected: string | null; until: number },
  ): Promise<string | undefined> {
    const key = keyOf(slot)
    const value = this.#sealing.seal(JSON.stringify(request), key)
    const written = await this.#store.put(REQUESTS, key, value, { expected, expiresAt: until })
    if (written !== undefined) for (const listener of this.#listeners) listener(request)
    return written
  }

  /** The requests of a tenant, or of one caller in it, up to `limit`, in no order that means anything. */
  async list(
    tenantId: string,
    { owner, limit }: { owner?: string; limit: number },
  ): Promise<ApprovalRequest[]> {
    const found: ApprovalRequest[] = []
    let after: string | undefined
    do {
      const page = await this.#store.list(REQUESTS, prefixOf(tenantId, owner), { limit: PAGE, after })
      found.push(...page.entries.flatMap((entry) => this.#opened(entry)?.request ?? []))
      after = page.next
    } while (after !== undefined && found.length < limit)
    return found.slice(0, limit)
  }

  /** Keeps the arguments of a request, as JSON text, as approvers see them. */
  async putArguments(
    slot: Slot,
    { id }: Pick<ApprovalRequest, 'id'>,
    text: string,
    until: number,
  ): Promise<void> {
    const key = argumentsKey(slot, id)
    await this.#store.put(ARGUMENTS, key, this.#sealing.seal(text, key), { expiresAt: until })
  }

  async arguments(slot: Slot, { id }: Pick<ApprovalRequest, 'id'>): Promise<unknown> {
    const key = argumentsKey(slot, id)
    const entry = await this.#store.get(ARGUMENTS, key)
    const text = entry && this.#sealing.open(entry.value, key)
    return text === undefined ? undefined : jsonIn(text)
  }

  /** Undefined for what was sealed with a key that is no longer in use. */
  #opened(entry: StateEntry): KeptRequest | undefined {
    const { key, version } = entry
    const known = this.#known.get(key)
    if (known?.version === version) return known
    const text = this.#sealing.open(entry.value, key)
    const request = text === undefined ? undefined : storedRequest.safeParse(jsonIn(text)).data
    if (request === undefined) return undefined
    const kept = { request, version }
    this.#known.set(key, kept)
    return kept
  }
}

function argumentsKey(slot: Slot, id: string): string {
  return `${keyOf(slot)}/${id.slice(-8)}`
}
