import { isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'
import type { Clock } from '../../domain/clock.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import { boundedInitialize } from '../initialize-params.ts'

/** What another replica rebuilds a session from. */
export interface SessionOpening {
  /** Names the session in records, and keys what servers keep for it. */
  readonly id: string
  /** The replica that opened it. */
  readonly home: string
  /** The parameters of its `initialize` that are used later. */
  readonly initialize: JsonObject
}

/** What a session id is valid for: this principal, at this path. */
export interface SessionBinding {
  readonly principal: Principal
  readonly scope: string | undefined
}

/** Clients send the id with each request, in one header. */
const MAX_ID_LENGTH = 4096

/**
 * Makes the session ids that clients carry: the id is the session, sealed, so that each replica can continue it. It
 * opens only for the principal and the path that it was made for, and until its lifetime is over.
 */
export class SessionSeal {
  readonly #sealing: Sealing
  readonly #clock: Clock
  readonly #lifetimeMs: number

  constructor(options: { keys: KeyRing; clock: Clock; lifetimeMs: number }) {
    this.#sealing = new Sealing(options.keys, 'session id')
    this.#clock = options.clock
    this.#lifetimeMs = options.lifetimeMs
  }

  seal({ id, home, initialize }: SessionOpening, binding: SessionBinding): string {
    const until = this.#clock.now() + this.#lifetimeMs
    return this.#sealing.seal(
      JSON.stringify([id, home, until, boundedInitialize(initialize)]),
      boundTo(binding),
    )
  }

  /** Undefined for a text that was not sealed for this binding, or has expired. */
  open(sealed: string, binding: SessionBinding): (SessionOpening & { readonly until: number }) | undefined {
    if (sealed.length > MAX_ID_LENGTH) return undefined
    const content = jsonIn(this.#sealing.open(sealed, boundTo(binding)) ?? '')
    if (!Array.isArray(content)) return undefined
    const [id, home, until, initialize] = content as readonly unknown[]
    if (typeof id !== 'string' || typeof home !== 'string' || !isJsonObject(initialize)) return undefined
    return typeof until === 'number' && this.#clock.now() <= until
      ? { id, home, until, initialize }
      : undefined
  }
}

function boundTo({ principal, scope }: SessionBinding): string {
  return JSON.stringify([principalKey(principal), scope ?? null])
}
