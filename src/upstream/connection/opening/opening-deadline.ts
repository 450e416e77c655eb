import type { Clock } from '../../../domain/clock.ts'

/** The timeout of each process or endpoint for opening; it restarts for one that replaces another. */
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

  /** Aborts at the timeout, with a reason for operators. */
  get signal(): AbortSignal {
    return this.#expiry.signal
  }

  /** Milliseconds left, at least one. */
  remaining(): number {
    return Math.max(1, this.#endsAt - this.#clock.monotonic())
  }

  /** Restarts the timeout. */
  begin(): void {
    this.#cancel()
    this.#endsAt = this.#clock.monotonic() + this.#timeoutMs
    this.#cancel = this.#clock.after(this.#timeoutMs, () =>
      this.#expiry.abort(new Error(`it did not open within ${this.#timeoutMs} ms`)),
    )
  }

  /** Cancels the timeout. */
  end(): void {
    this.#cancel()
  }
}
