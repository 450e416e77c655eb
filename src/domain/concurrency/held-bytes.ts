import type { GatewayError } from '../errors/errors.ts'
import { addTo } from './counts.ts'
import { overloaded } from './gated-work.ts'

/** The number of requests in progress bounds what smaller ones take. */
const SMALL_BYTES = 16 * 1024
/** A body of up to so many bytes is a small one, even if it is nothing but empty objects. */
export const SHORT_BYTES = 1024
/** Bytes that a value takes in the heap, without its text, which may be two bytes. */
const VALUE_BYTES = 64
const COMMA = 0x2c

/** Estimates how many bytes of memory a JSON text and its values take: each comma stands for a value. */
export function memoryOf(json: Buffer): number {
  if (json.length <= SHORT_BYTES) return json.length
  let values = 0
  for (let at = 0; at < json.length; at += 1) if (json[at] === COMMA) values += 1
  return json.length + values * VALUE_BYTES
}

/** Whether a request that takes so many bytes of memory need not be counted. */
export function isSmall(bytes: number): boolean {
  return bytes <= SMALL_BYTES
}

/**
 * Limits the memory of large requests in progress. A tenant may take as much as is still free (the dynamic thresholds of
 * Choudhury and Hahne for shared buffers): a single tenant gets half, each of two a third, and there is always room for the
 * next one.
 */
export class HeldBytes {
  readonly #limit: number
  readonly #onRefused: () => void
  readonly #ofTenants = new Map<string, number>()
  #total = 0

  /** @param limit bytes of all tenants together */
  constructor(limit: number, { onRefused = () => undefined }: { onRefused?: () => void } = {}) {
    this.#limit = limit
    this.#onRefused = onRefused
  }

  /** Bytes that are held. */
  get total(): number {
    return this.#total
  }

  /**
   * A request of so many bytes; undefined if it is small.
   * @throws GatewayError `overloaded` when there is no room for it
   */
  take(tenantId: string, bytes: number): HeldRequest | undefined {
    if (isSmall(bytes)) return undefined
    const request = this.begin(tenantId)
    if (!request.grow(bytes)) throw this.refusal()
    return request
  }

  /** A request of a tenant, which holds nothing yet. */
  begin(tenantId: string): HeldRequest {
    return new HeldRequest({
      hasRoom: (more, own) => this.#hasRoom(tenantId, more, own),
      add: (change) => {
        this.#total += change
        addTo(this.#ofTenants, tenantId, change)
      },
    })
  }

  /** The error for a request for which there is no room; counts it as refused. */
  refusal(): GatewayError {
    this.#onRefused()
    return overloaded('Large requests in progress leave no memory for this one')
  }

  /**
   * A request that is alone always has room, however large it is; one that grows has it if all of it would have had it.
   * @param own what it holds already
   */
  #hasRoom(tenantId: string, more: number, own: number): boolean {
    const held = this.#ofTenants.get(tenantId) ?? 0
    const others = this.#total - own
    return others === 0 || held + more <= this.#limit - others
  }
}

/** The part of a response of Node that says when it is over. */
interface Response {
  readonly closed: boolean
  once(event: 'close', listener: () => void): unknown
}

interface Account {
  readonly hasRoom: (more: number, own: number) => boolean
  readonly add: (change: number) => void
}

/** The memory of one request: while its body is read, until its response is closed, and while a session works on it. */
export class HeldRequest {
  readonly #account: Account
  #bytes = 0
  #holders = 1

  constructor(account: Account) {
    this.#account = account
  }

  /** Takes more bytes. @returns whether there was room for them; false once the request is released */
  grow(bytes: number): boolean {
    if (this.#holders === 0 || !this.#account.hasRoom(bytes, this.#bytes)) return false
    this.#bytes += bytes
    this.#account.add(bytes)
    return true
  }

  /** Adds a holder. @returns the function that removes it; to be called once */
  keep(): () => void {
    this.#holders += 1
    return () => this.release()
  }

  /** Removes a holder when a response is closed, which it already is if the client left while its token was verified. */
  releaseAfter(response: Response): void {
    if (response.closed) this.release()
    else response.once('close', () => this.release())
  }

  /** Removes a holder; after the last one the bytes are free. */
  release(): void {
    this.#holders -= 1
    if (this.#holders > 0) return
    this.#account.add(-this.#bytes)
    this.#bytes = 0
  }
}
