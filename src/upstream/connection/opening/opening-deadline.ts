import type { Clock } from '../../../domain/clock.ts'

/** The time that each process or endpoint has until it is open; it begins again for one that takes another's place. */
export class OpeningDeadline {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #expiry = new AbortController()
  #endsAt = 0
  #cancel: () => void = () => undefined

  constructor(options: { clock: Clock; timeoutMs: number }) {
    this.#clock = options.clock
    this.#timeoutMs = options.timeoutMs
    this.begin()
  }

  /** Aborted when the time is over, with a reason for operators. */
  get signal(): AbortSignal {
    return this.#expiry.signal
  }

  /** Milliseconds left, at least one. */
  remaining(): number {
    return Math.max(1, this.#endsAt - this.#clock.monotonic())
  }

  /** The whole time is left again. */
  begin(): void {
    this.#cancel()
    this.#endsAt = this.#clock.monotonic() + this.#timeoutMs
    this.#cancel = this.#clock.after(this.#timeoutMs, () =>
      this.#expiry.abort(new Error(`it did not open within ${this.#timeoutMs} ms`)),
    )
  }

  /** Nothing expires any more. */
  end(): void {
    this.#cancel()
  }
}
