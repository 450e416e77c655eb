import type { Clock } from '../../domain/clock.ts'

/** Counts calls, and lets a shutdown wait for them. */
export class CallsInFlight {
  #count = 0
  #isHurried = false
  #whenNone: (() => void) | undefined

  get count(): number {
    return this.#count
  }

  enter(): void {
    this.#count += 1
  }

  leave(): void {
    this.#count -= 1
    if (this.#count === 0) this.#whenNone?.()
  }

  /** Nobody waits for calls any more. */
  hurry(): void {
    this.#isHurried = true
    this.#whenNone?.()
  }

  /** Resolves when there are none, and at the latest after `timeoutMs`. */
  async drained(clock: Clock, timeoutMs: number): Promise<void> {
    if (this.#count === 0 || this.#isHurried) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenNone = resolve
    const cancel = clock.after(timeoutMs, resolve)
    await promise
    cancel()
  }
}
