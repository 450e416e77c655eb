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

  /** Ends every wait for calls. */
  hurry(): void {
    this.#isHurried = true
    this.#whenNone?.()
  }

  /** Resolves when no calls are in flight, at the latest after `timeoutMs`. */
  async drained(clock: Clock, timeoutMs: number): Promise<void> {
    if (this.#count === 0 || this.#isHurried) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenNone = resolve
    const cancel = clock.after(timeoutMs, resolve)
    await promise
    cancel()
  }
}
