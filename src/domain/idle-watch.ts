import type { Clock } from './clock.ts'

/**
 * Reports when something has not been used for a while. It has one timer, not one for each use, and compares the time
 * of the last use.
 */
export class IdleWatch {
  readonly #clock: Clock
  readonly #idleMs: () => number
  readonly #isInUse: () => boolean
  readonly #lastUse: () => number
  readonly #onIdle: () => void
  #cancel: (() => void) | undefined

  constructor(options: {
    clock: Clock
    idleMs: () => number
    isInUse: () => boolean
    /** In monotonic milliseconds. */
    lastUse: () => number
    onIdle: () => void
  }) {
    this.#clock = options.clock
    this.#idleMs = options.idleMs
    this.#isInUse = options.isInUse
    this.#lastUse = options.lastUse
    this.#onIdle = options.onIdle
    this.#lookAfter(this.#idleMs())
  }

  stop(): void {
    this.#cancel?.()
  }

  #lookAfter(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      const idleMs = this.#idleMs()
      const remainingMs = this.#lastUse() + idleMs - this.#clock.monotonic()
      if (this.#isInUse()) this.#lookAfter(idleMs)
      else if (remainingMs > 0) this.#lookAfter(remainingMs)
      else this.#onIdle()
    })
  }
}
