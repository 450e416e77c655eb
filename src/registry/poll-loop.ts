import type { Clock } from '../domain/clock.ts'

/** Looks at something again and again, never twice at once. */
export class PollLoop {
  readonly #clock: Clock
  readonly #look: () => Promise<number>
  #closed = false
  #cancel: () => void = () => {}
  #looking: Promise<void> = Promise.resolve()

  /** @param options.look comes to the milliseconds until the next look; must not reject */
  constructor(options: { clock: Clock; look: () => Promise<number> }) {
    this.#clock = options.clock
    this.#look = options.look
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Looks after `delayMs` for the first time. */
  start(delayMs: number): void {
    if (this.#closed) return
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#looking = this.#look().then((nextMs) => this.start(nextMs))
    })
  }

  /** Looks no more; resolves when a look that is under way has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#looking
  }
}
