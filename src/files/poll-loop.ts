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
    this.#cancel()
    this.#cancel = this.#clock.after(delayMs, () => void this.now())
  }

  /** Looks at once, or after a look that is under way; resolves when it has ended. */
  now(): Promise<void> {
    this.#looking = this.#lookAfter(this.#looking)
    return this.#looking
  }

  async #lookAfter(before: Promise<void>): Promise<void> {
    await before
    if (!this.#closed) this.start(await this.#look())
  }

  /** Looks no more; resolves when a look that is under way has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#looking
  }
}
