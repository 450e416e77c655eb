import type { Clock } from './domain/clock.ts'

/**
 * Lanes close at the same time. The closers of one lane are called one after the other, in reverse order; a closer without
 * a lane waits for all lanes before it.
 */
export type Lane = 'servers' | 'records' | 'http'

type Closer = {
  readonly name: string
  readonly close: () => Promise<void> | void
  readonly lane: Lane | undefined
}

/**
 * Closes everything that was opened, in reverse order or in lanes, and knows whether the process is ready for traffic.
 * Readiness is a set of named conditions; stopping makes it false permanently. Stale parts are reported, and do not affect
 * it.
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
  onClose(name: string, close: () => Promise<void> | void, { lane }: { lane?: Lane } = {}): void {
    this.#closers.push({ name, close, lane })
  }

  /** Registers a condition of readiness. */
  readyWhen(name: string, condition: () => boolean): void {
    this.#conditions.set(name, condition)
  }

  /**
   * Registers a condition under which a part is stale: it keeps working with its last known state, or buffers what it
   * cannot deliver.
   */
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

  /** Names of the parts that are stale. */
  stale(): string[] {
    return [...this.#staleness].filter(([, holds]) => holds()).map(([name]) => name)
  }

  /** Makes the process not ready. First step of a shutdown. */
  stopAccepting(): void {
    this.#stopping = true
  }

  /**
   * Closes everything, last opened first or lane by lane, within `deadlineMs` in total. Returns what failed or was not
   * closed by then.
   */
  async close(deadlineMs: number): Promise<{ name: string; error: unknown }[]> {
    this.stopAccepting()
    const failures: { name: string; error: unknown }[] = []
    const end = this.#clock.monotonic() + deadlineMs
    const lanes = new Map<Lane, Promise<void>>()
    const closeNow = async (closer: Closer): Promise<void> => {
      try {
        await this.#within(closer, end - this.#clock.monotonic())
      } catch (error) {
        failures.push({ name: closer.name, error })
      }
    }
    for (;;) {
      const closer = this.#closers.pop()
      if (closer?.lane !== undefined) {
        const before = lanes.get(closer.lane) ?? Promise.resolve()
        lanes.set(
          closer.lane,
          before.then(() => closeNow(closer)),
        )
        continue
      }
      await Promise.all(lanes.values())
      lanes.clear()
      if (closer !== undefined) await closeNow(closer)
      else if (this.#closers.length === 0) return failures
    }
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
