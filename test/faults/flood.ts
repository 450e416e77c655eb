/** A thread that makes a load, and says when each call ended and how many had each status. */
import { parentPort, workerData } from 'node:worker_threads'
import { load, type LoadOptions, statuses } from './load.ts'

/** What a thread that made a load says at its end. */
export interface Flood {
  readonly counts: Record<string, number>
  /** Milliseconds since the epoch, in order. */
  readonly ends: readonly number[]
}

const { url, options } = workerData as { url: string; options: LoadOptions }
const outcomes = await load(url, options)
const flood: Flood = { counts: statuses(outcomes), ends: outcomes.map(({ endedAt }) => endedAt) }
parentPort?.postMessage(flood, [])
