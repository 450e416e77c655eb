import type { JSONRPCNotification } from '@modelcontextprotocol/server'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { CANCELLED } from '../message.ts'

const BURST = 500
const PER_SECOND = 50

/** Limits the notifications of one client: they get no answers, so nothing else slows the client down. */
export class NotificationLimit {
  readonly #clock: Clock
  #left = BURST
  #at: number

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
    this.#at = options.clock.monotonic()
  }

  /**
   * Counts a notification that arrived.
   * @throws GatewayError `rate_limited` if there are too many
   */
  take(notification: JSONRPCNotification): void {
    if (this.admits(notification)) return
    throw new GatewayError(
      'rate_limited',
      `A session may send at most ${PER_SECOND} notifications per second`,
      {
        facts: { retryAfterMs: 1000 },
      },
    )
  }

  /** Counts a notification that arrived; returns false if there are too many. */
  admits({ method }: JSONRPCNotification): boolean {
    // A cancellation ends work instead of causing it, and there are no more of them than requests.
    if (method === CANCELLED) return true
    const now = this.#clock.monotonic()
    this.#left = Math.min(BURST, this.#left + ((now - this.#at) / 1000) * PER_SECOND)
    this.#at = now
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
