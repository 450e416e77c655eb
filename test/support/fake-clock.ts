import type { Clock } from '../../src/domain/clock.ts'

type Timer = { at: number; task: () => void }

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now: number
  #monotonic = 0
  readonly #timers = new Set<Timer>()

  constructor(startMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { at: this.#monotonic + delayMs, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  at(instantMs: number, task: () => void): void {
    this.after(instantMs - this.#monotonic, task)
  }

  /** Timers that are waiting. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves time forward and runs what falls due, in order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    for (;;) {
      await settle()
      const due = [...this.#timers].filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#moveTo(Math.max(due.at, this.#monotonic))
      due.task()
    }
    this.#moveTo(end)
    await settle()
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}

/** Lets promise reactions that are already due run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
