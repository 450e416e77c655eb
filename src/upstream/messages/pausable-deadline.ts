import type { Clock } from '../../domain/clock.ts'

/**
 * A limit on time that can be made to stand still, and to begin again below a maximum; it has a timer only while it
 * runs.
 */
export class PausableDeadline {
  readonly #clock: Clock
  readonly #onExpired: () => void
  readonly #timeoutMs: number
  /** Of the maximum, when the time began to run last. */
  #totalMs: number
  /** Of the time, when it began to run last. */
  #remainingMs: number
  #runningSince = 0
  #cancel: (() => void) | undefined
  #pauses = 0

  /** @param options.maxTotalMs how long it may last with what begins it again; `timeoutMs` where nothing does */
  constructor(options: {
    clock: Clock
    timeoutMs: number
    maxTotalMs?: number | undefined
    onExpired: () => void
  }) {
    const { clock, timeoutMs, maxTotalMs = timeoutMs, onExpired } = options
    this.#clock = clock
    this.#onExpired = onExpired
    this.#timeoutMs = timeoutMs
    this.#totalMs = Math.max(timeoutMs, maxTotalMs)
    this.#remainingMs = timeoutMs
    this.#run()
  }

  /** Begins the time again. As cheap as it has to be for each word of a server: the timer finds out for itself. */
  restart(): void {
    if (this.#pauses === 0) this.#spend()
    this.#remainingMs = Math.min(this.#timeoutMs, this.#totalMs)
  }

  /** Stops the time until `resume` has been called as often as this. */
  pause(): void {
    this.#pauses += 1
    if (this.#pauses > 1) return
    this.#spend()
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
    this.#cancel = this.#clock.after(Math.max(0, this.#remainingMs), () => {
      this.#spend()
      if (this.#remainingMs > 0) this.#run()
      else this.#onExpired()
    })
  }

  #spend(): void {
    const now = this.#clock.monotonic()
    const spentMs = now - this.#runningSince
    this.#runningSince = now
    this.#remainingMs -= spentMs
    this.#totalMs -= spentMs
  }
}
