import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'

/** How long a person may take to answer. */
const LIFETIME_MS = 60 * 60 * 1000

/** What a sealed text is bound to: this caller, and this purpose, such as a method and its target. */
export interface SealBinding {
  readonly principal: Principal
  readonly purpose: string
}

/**
 * Seals texts of servers for callers: only the gateway can read or change them, and it accepts them only before they expire,
 * from the same caller and for the same purpose. Servers see every caller behind the gateway as one client, so they cannot bind
 * their `requestState` to a caller themselves (MCP 2026-07-28, multi round-trip requests).
 */
export class StateSeal {
  readonly #sealing: Sealing
  readonly #clock: Clock

  /** @param options.keys gateways that serve the same callers must share them */
  constructor(options: { keys: KeyRing; clock: Clock }) {
    this.#sealing = new Sealing(options.keys, 'request state')
    this.#clock = options.clock
  }

  seal(text: string, binding: SealBinding): string {
    const content = JSON.stringify({ text, until: this.#clock.now() + LIFETIME_MS })
    return this.#sealing.seal(content, boundTo(binding))
  }

  /** @throws GatewayError `invalid_request_state` for a text that was not sealed for this binding, or has expired */
  open(sealed: string, binding: SealBinding): string {
    const content = jsonIn(this.#sealing.open(sealed, boundTo(binding)) ?? '')
    if (!isJsonObject(content)) throw new GatewayError('invalid_request_state')
    const { text, until } = content
    const isInTime = typeof until === 'number' && this.#clock.now() <= until
    if (typeof text !== 'string' || !isInTime) throw new GatewayError('invalid_request_state')
    return text
  }
}

function boundTo({ principal, purpose }: SealBinding): string {
  return JSON.stringify([principalKey(principal), purpose])
}
