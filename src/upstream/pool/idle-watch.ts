import type { Clock } from '../../domain/clock.ts'

/** Notices when something has not been in use for a while. One timer, not one per use: it looks when the last one was. */
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
    /** On the monotonic clock. */
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
