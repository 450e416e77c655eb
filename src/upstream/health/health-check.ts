import { type Clock, sleep } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'

/** What an instance is taken for; undefined while it is not connected, or not checked. */
export type Health = 'healthy' | 'unhealthy'

/** Finds out whether a connected instance answers, by what its calls come to and, when it has none, by asking. */
export class HealthCheck {
  readonly #clock: Clock
  readonly #settings: () => ServerDefinition['healthCheck']
  readonly #turnMs: () => number
  readonly #probe: (options: { timeoutMs: number; signal: AbortSignal }) => Promise<void>
  readonly #answeredAt: () => number
  readonly #onChange: (health: Health | undefined, reason: string | undefined) => void
  /** Of the present connection. */
  #signal: AbortSignal | undefined
  #health: Health | undefined
  #missed = 0
  #answered = 0
  #latencyMs: number | undefined
  #cancel: (() => void) | undefined

  constructor(options: {
    clock: Clock
    settings: () => ServerDefinition['healthCheck']
    /** Takes a turn to ask; gives how long it is until then. */
    turnMs: () => number
    /** Asks once. Rejects when there is no answer. */
    probe: (options: { timeoutMs: number; signal: AbortSignal }) => Promise<void>
    /** When a call was answered last, on the monotonic clock: nothing has to be asked for a while. */
    answeredAt: () => number
    /** Not called by `start`, `stop` and `forget`. */
    onChange: (health: Health | undefined, reason: string | undefined) => void
  }) {
    this.#clock = options.clock
    this.#settings = options.settings
    this.#turnMs = options.turnMs
    this.#probe = options.probe
    this.#answeredAt = options.answeredAt
    this.#onChange = options.onChange
  }

  get health(): Health | undefined {
    return this.#signal === undefined ? undefined : this.#health
  }

  /** Of the last probe. */
  get latencyMs(): number | undefined {
    return this.#latencyMs
  }

  /**
   * The instance has been connected, which counts as an answer. It is looked at until `signal` is aborted or `stop`.
   */
  start(signal: AbortSignal): void {
    this.#signal = signal
    this.#health = this.#settings().enabled ? this.#afterAnswer() : undefined
    this.#schedule(signal)
  }

  stop(): void {
    this.#cancel?.()
    this.#signal = undefined
  }

  /** What is connected next is something new. */
  forget(): void {
    this.#health = undefined
    this.#missed = 0
    this.#answered = 0
  }

  /** The settings have changed. */
  updated(): void {
    if (this.#signal === undefined) return
    if (!this.#settings().enabled) this.#become(undefined)
    else if (this.#health === undefined) this.#become(this.#afterAnswer())
    this.#schedule(this.#signal)
  }

  #schedule(signal: AbortSignal): void {
    this.#cancel?.()
    const { enabled, intervalMs } = this.#settings()
    if (!enabled) return
    this.#cancel = this.#clock.after(intervalMs, () => {
      void this.#check(signal).finally(() => {
        if (signal === this.#signal && !signal.aborted) this.#schedule(signal)
      })
    })
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { timeoutMs, intervalMs } = this.#settings()
    if (this.#clock.monotonic() - this.#answeredAt() < intervalMs) {
      this.#become(this.#afterAnswer())
      return
    }
    const turnMs = this.#turnMs()
    if (turnMs > 0) await sleep(this.#clock, turnMs, signal)
    if (signal.aborted) return
    const startedAt = this.#clock.monotonic()
    try {
      await this.#probe({ timeoutMs, signal })
      if (signal.aborted) return
      this.#latencyMs = this.#clock.monotonic() - startedAt
      this.#become(this.#afterAnswer())
    } catch (error) {
      if (!signal.aborted) this.#become(this.#afterSilence(), messageOf(error))
    }
  }

  #afterAnswer(): Health {
    this.#missed = 0
    if (this.#health !== 'unhealthy') return 'healthy'
    this.#answered += 1
    return this.#answered >= this.#settings().healthyAfter ? 'healthy' : 'unhealthy'
  }

  #afterSilence(): Health | undefined {
    this.#answered = 0
    this.#missed += 1
    return this.#missed >= this.#settings().unhealthyAfter ? 'unhealthy' : this.#health
  }

  #become(health: Health | undefined, why?: string): void {
    if (health === this.#health) return
    this.#health = health
    this.#answered = 0
    const times = this.#missed === 1 ? 'a health check' : `${this.#missed} health checks in a row`
    this.#onChange(health, why === undefined ? undefined : `it failed ${times}: ${why}`)
  }
}
