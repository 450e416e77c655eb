import type { Clock } from './domain/clock.ts'

type Closer = { readonly name: string; readonly close: () => Promise<void> | void }

/**
 * Everything that was opened, closed in reverse order, and whether the process is ready for traffic. Readiness is a set
 * of named conditions; stopping makes it false permanently. Stale parts are reported, and do not affect it.
 */
export class Lifecycle {
  readonly #clock: Clock
  readonly #closers: Closer[] = []
  readonly #conditions = new Map<string, () => boolean>()
  readonly #staleness = new Map<string, () => boolean>()
  #stopping = false

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Registers how to close something that was just opened. */
  onClose(name: string, close: () => Promise<void> | void): void {
    this.#closers.push({ name, close })
  }

  /** Registers a condition of readiness. */
  readyWhen(name: string, condition: () => boolean): void {
    this.#conditions.set(name, condition)
  }

  /** Registers when a part is stale, which keeps working nevertheless. */
  staleWhen(name: string, condition: () => boolean): void {
    this.#staleness.set(name, condition)
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** Names of the conditions that do not hold; empty means ready. */
  notReady(): string[] {
    const missing = [...this.#conditions].filter(([, holds]) => !holds()).map(([name]) => name)
    return this.#stopping ? ['stopping', ...missing] : missing
  }

  /** Names of what works with what it last knew. */
  stale(): string[] {
    return [...this.#staleness].filter(([, holds]) => holds()).map(([name]) => name)
  }

  /** Makes the process not ready. First step of a shutdown. */
  stopAccepting(): void {
    this.#stopping = true
  }

  /**
   * Closes everything, last opened first, within `deadlineMs` for all together; what is not closed by then is
   * given up. Returns what failed or was given up.
   */
  async close(deadlineMs: number): Promise<{ name: string; error: unknown }[]> {
    this.stopAccepting()
    const failures: { name: string; error: unknown }[] = []
    const end = this.#clock.monotonic() + deadlineMs
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await this.#within(closer, end - this.#clock.monotonic())
      } catch (error) {
        failures.push({ name: closer.name, error })
      }
    }
    return failures
  }

  async #within(closer: Closer, remainingMs: number): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>()
    const cancel = this.#clock.after(Math.max(remainingMs, 0), () => reject(new Error('not closed in time')))
    try {
      await Promise.race([closer.close(), promise])
    } finally {
      cancel()
    }
  }
}
