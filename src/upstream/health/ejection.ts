import type { Clock } from '../../domain/clock.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Verdict } from './verdict.ts'

/** The longest that an instance is left out before it is tried again. */
const LONGEST_MS = 5 * 60 * 1000

/**
 * Whether one instance of several gets calls: after the circuit breaker's `failureThreshold` failures in a row it is
 * left out for `recoveryTimeoutMs`, and then gets one call at a time until one succeeds. Each further failure doubles
 * the time, up to five minutes.
 */
export class Ejection {
  readonly #clock: Clock
  readonly #settings: () => ServerDefinition['circuitBreaker']
  readonly #onChange: (reason: string) => void
  #state: 'in' | 'out' | 'trial' = 'in'
  #failures = 0
  #times = 0
  #since = 0
  #cancel: (() => void) | undefined

  constructor(options: {
    clock: Clock
    settings: () => ServerDefinition['circuitBreaker']
    onChange: (reason: string) => void
  }) {
    this.#clock = options.clock
    this.#settings = options.settings
    this.#onChange = options.onChange
  }

  /** Since when it is left out, on the monotonic clock. */
  get outSince(): number | undefined {
    return this.#state === 'out' ? this.#since : undefined
  }

  get isOnTrial(): boolean {
    return this.#state === 'trial'
  }

  /** What a call that the instance was given says of it. */
  note(verdict: Verdict): void {
    if (verdict === 'alive') this.#succeeded()
    else if (verdict === 'failure') this.#failed()
  }

  /** What is connected next is something new. */
  reset(): void {
    this.#cancel?.()
    this.#state = 'in'
    this.#failures = 0
    this.#times = 0
  }

  #succeeded(): void {
    this.#failures = 0
    // What began before it was left out says nothing of how it is now.
    if (this.#state !== 'trial') return
    this.reset()
    this.#onChange('a call succeeded')
  }

  #failed(): void {
    const { enabled, failureThreshold, recoveryTimeoutMs } = this.#settings()
    this.#failures += 1
    if (!enabled || this.#state === 'out') return
    const isTrial = this.#state === 'trial'
    if (!isTrial && this.#failures < failureThreshold) return
    this.#state = 'out'
    this.#since = this.#clock.monotonic()
    const outMs = Math.min(Math.max(LONGEST_MS, recoveryTimeoutMs), recoveryTimeoutMs * 2 ** this.#times)
    this.#times = Math.min(this.#times + 1, 20)
    this.#cancel = this.#clock.after(outMs, () => {
      this.#state = 'trial'
      this.#onChange(`its ejection time (${outMs} ms) has elapsed`)
    })
    this.#onChange(isTrial ? 'its trial call failed' : `${this.#failures} of its calls in a row failed`)
  }
}
