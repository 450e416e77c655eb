import type { Clock } from '../../domain/clock.ts'

/** A limit on time that can be made to stand still; it has a timer only while it runs. */
export class PausableDeadline {
  readonly #clock: Clock
  readonly #onExpired: () => void
  #remainingMs: number
  #runningSince = 0
  #cancel: (() => void) | undefined
  #pauses = 0

  constructor(options: { clock: Clock; timeoutMs: number; onExpired: () => void }) {
    this.#clock = options.clock
    this.#onExpired = options.onExpired
    this.#remainingMs = options.timeoutMs
    this.#run()
  }

  /** Stops the time until `resume` has been called as often as this. */
  pause(): void {
    this.#pauses += 1
    if (this.#pauses > 1) return
    this.#remainingMs -= this.#clock.monotonic() - this.#runningSince
    this.end()
  }

  resume(): void {
    this.#pauses -= 1
    if (this.#pauses === 0) this.#run()
  }

  /** Nothing expires any more. */
  end(): void {
    this.#cancel?.()
  }

  #run(): void {
    this.#runningSince = this.#clock.monotonic()
    this.#cancel = this.#clock.after(Math.max(0, this.#remainingMs), this.#onExpired)
  }
}
