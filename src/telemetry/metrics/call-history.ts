import type { Clock } from '../../domain/clock.ts'
import type { ErrorOwner } from '../../domain/errors/error-row.ts'

/** Length of one step of a history in milliseconds. */
export const STEP_MS = 30_000
/** Steps that are kept: an hour. */
const STEPS = 120
/** Upper bounds of the buckets of durations in milliseconds; longer ones are in one more bucket. */
const BOUNDS_MS = [
  0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000,
  10_000, 30_000, 60_000,
]
const OWNERS: readonly ErrorOwner[] = ['client', 'config', 'upstream', 'gateway']
const MAX_SERIES = 500

/** A finished call, as far as its history is concerned. */
export interface FinishedCall {
  readonly tenantId: string
  /** Name of the server; undefined where there is none that the caller may know. */
  readonly server: string | undefined
  readonly durationMs: number
  /** Who has to act, if it failed; a denied call is the client's. */
  readonly errorOwner: ErrorOwner | undefined
}

/** The calls of one step. */
export interface Step {
  /** Where it begins, in milliseconds since the epoch. */
  readonly startMs: number
  readonly calls: number
  readonly errors: Readonly<Record<ErrorOwner, number>>
  /** In milliseconds; undefined in a step without calls. */
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
}

/** The steps of the last hour, oldest first, and all of them in one. */
export interface History {
  readonly steps: readonly Step[]
  readonly whole: Step
}

/**
 * How many calls there were in the last hour, how long they took and whose fault failures were, for each tenant and
 * each of its servers: what the dashboard draws without a database of metrics. It is of this process, in memory, and
 * bounded: beyond 500 tenants and servers one that had no call for a long time is forgotten.
 */
export class CallHistory {
  readonly #clock: Clock
  readonly #series = new Map<string, Series>()

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Counts a call that has finished now. */
  add(call: FinishedCall): void {
    const step = Math.floor(this.#clock.now() / STEP_MS)
    this.#of(call.tenantId).add(step, call)
    if (call.server !== undefined) this.#of(keyOf(call.tenantId, call.server)).add(step, call)
  }

  /** The last hour of a tenant, or of one of its servers. */
  of(tenantId: string, server?: string): History {
    const key = server === undefined ? tenantId : keyOf(tenantId, server)
    const last = Math.floor(this.#clock.now() / STEP_MS)
    return (this.#series.get(key) ?? new Series()).until(last)
  }

  #of(key: string): Series {
    const known = this.#series.get(key)
    if (known !== undefined) {
      known.isUsed = true
      return known
    }
    if (this.#series.size >= MAX_SERIES) this.#forgetOne()
    const made = new Series()
    this.#series.set(key, made)
    return made
  }

  /** In turn, whoever had a call since its last turn stays: to look for the oldest would take as long as there are many. */
  #forgetOne(): void {
    for (const [key, series] of this.#series) {
      this.#series.delete(key)
      if (!series.isUsed) return
      series.isUsed = false
      this.#series.set(key, series)
    }
  }
}

/** Counts of one step: a number for each bucket of durations, then one for each owner of errors. */
type Counts = Uint32Array
const BUCKETS = BOUNDS_MS.length + 1

/** A ring of steps; those without calls take no memory. */
class Series {
  readonly #ring: ({ step: number; counts: Counts } | undefined)[] = []
  /** Whether it had a call since it was last looked at. */
  isUsed = false

  add(step: number, { durationMs, errorOwner }: FinishedCall): void {
    const counts = this.#countsAt(step)
    const index = bucketOf(durationMs)
    counts[index] = (counts[index] ?? 0) + 1
    if (errorOwner !== undefined) {
      const at = BUCKETS + OWNERS.indexOf(errorOwner)
      counts[at] = (counts[at] ?? 0) + 1
    }
  }

  until(last: number): History {
    const whole: Counts = new Uint32Array(BUCKETS + OWNERS.length)
    const steps = Array.from({ length: STEPS }, (_, index) => {
      const step = last - STEPS + 1 + index
      const found = this.#ring[step % STEPS]
      const counts = found?.step === step ? found.counts : undefined
      counts?.forEach((count, at) => (whole[at] = (whole[at] ?? 0) + count))
      return stepOf(step, counts)
    })
    return { steps, whole: stepOf(last - STEPS + 1, whole) }
  }

  #countsAt(step: number): Counts {
    const at = step % STEPS
    const found = this.#ring[at]
    if (found?.step === step) return found.counts
    const counts = new Uint32Array(BUCKETS + OWNERS.length)
    this.#ring[at] = { step, counts }
    return counts
  }
}

function stepOf(step: number, counts: Counts = new Uint32Array(BUCKETS + OWNERS.length)): Step {
  const durations = counts.subarray(0, BUCKETS)
  const calls = durations.reduce((sum, count) => sum + count, 0)
  const errorsOf = (owner: ErrorOwner): number => counts[BUCKETS + OWNERS.indexOf(owner)] ?? 0
  return {
    startMs: step * STEP_MS,
    calls,
    errors: {
      client: errorsOf('client'),
      config: errorsOf('config'),
      upstream: errorsOf('upstream'),
      gateway: errorsOf('gateway'),
    },
    p50: percentile(durations, calls, 0.5),
    p95: percentile(durations, calls, 0.95),
    p99: percentile(durations, calls, 0.99),
  }
}

/** The first bucket whose bound the duration does not exceed, by halving. */
function bucketOf(durationMs: number): number {
  let low = 0
  let high = BOUNDS_MS.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (durationMs <= (BOUNDS_MS[middle] ?? Infinity)) high = middle
    else low = middle + 1
  }
  return low
}

/** As Prometheus does it: calls of one bucket are spread evenly over it. */
function percentile(durations: Counts, calls: number, share: number): number | undefined {
  if (calls === 0) return undefined
  const rank = share * calls
  let before = 0
  for (const [index, count] of durations.entries()) {
    if (count > 0 && before + count >= rank) {
      const lower = BOUNDS_MS[index - 1] ?? 0
      const upper = BOUNDS_MS[index] ?? lower
      return lower + (upper - lower) * ((rank - before) / count)
    }
    before += count
  }
  return BOUNDS_MS.at(-1)
}

function keyOf(tenantId: string, server: string): string {
  return `${tenantId}/${server}`
}
