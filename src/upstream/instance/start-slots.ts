import { type Clock, sleep } from '../../domain/clock.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { Slots } from './slots.ts'

/** A program that takes longer to start is not using the processor: it waits, installs or hangs. */
const SLOW_PROGRAM_MS = 500
/** An endpoint that takes longer to answer costs only a connection. */
const SLOW_ENDPOINT_MS = 100
/** Time for the first calls of clients that have waited for servers. */
const QUIET_MS = 2000

/** Limits how many servers start at the same time, separately for programs and endpoints. */
export class StartSlots {
  readonly #clock: Clock
  readonly #programs: Slots
  readonly #endpoints: Slots
  /** When several servers that were starting had started, in monotonic milliseconds. */
  #startedAt = Number.NEGATIVE_INFINITY

  /** @param options.count how many programs, and how many endpoints */
  constructor({ count, clock }: { count: number; clock: Clock }) {
    this.#clock = clock
    this.#programs = new Slots({ count, slow: { clock, afterMs: SLOW_PROGRAM_MS } })
    this.#endpoints = new Slots({ count, slow: { clock, afterMs: SLOW_ENDPOINT_MS } })
  }

  of({ transport }: Pick<ServerDefinition, 'transport'>): Slots {
    return transport === 'stdio' ? this.#programs : this.#endpoints
  }

  /**
   * Resolves when no server is starting, except for slow ones, or when `until` aborts. If several were starting, it
   * takes a moment longer, which `hurry` skips: what waits for this must not delay the first calls.
   */
  async settled({ until, hurry }: { until: AbortSignal; hurry: AbortSignal }): Promise<void> {
    const areSeveral = this.#programs.taken + this.#endpoints.taken > 1
    await Promise.all([this.#programs.allFree(until), this.#endpoints.allFree(until)])
    const now = this.#clock.monotonic()
    if (areSeveral) this.#startedAt = now
    const remainingMs = this.#startedAt + QUIET_MS - now
    if (remainingMs > 0) await sleep(this.#clock, remainingMs, AbortSignal.any([until, hurry]))
  }
}
