import { totalmem } from 'node:os'
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../../domain/clock.ts'

/** The load of the process since the last reading. */
export interface LoopLoad {
  /** Mean delay of work by the event loop, in milliseconds. */
  readonly delayMs: number
  /** Mean CPU time of this thread in one turn of the event loop, in milliseconds, regardless of other processes. */
  readonly turnMs: number
  /** Share of the time in which the loop was busy, from 0 to 1. */
  readonly utilization: number
  /** Share of the memory limit in use, from 0 to 1: of the heap or of the process, whichever is higher. */
  readonly memory: number
}

/** Measures the load of this process. */
export interface LoopMeter {
  /** The load since the previous call. */
  readonly read: () => LoopLoad
  readonly stop: () => void
}

/** Each sample wakes an idle process; a mean over 100 ms needs no more of them. */
const RESOLUTION_MS = 25
const NANOSECONDS = 1e6

/** Starts measuring. */
export function measureLoop(): LoopMeter {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let before: EventLoopUtilization = performance.eventLoopUtilization()
  let turns = loopTurns()
  let work = threadWorkMs()
  const allowed = allowedMemory()
  return {
    read: () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, before)
      before = now
      const turnsBefore = turns
      turns = loopTurns()
      const workBefore = work
      work = threadWorkMs()
      const mean = histogram.count > 0 ? histogram.mean / NANOSECONDS : 0
      histogram.reset()
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
      return {
        delayMs: Math.max(0, mean - RESOLUTION_MS),
        turnMs: (work - workBefore) / Math.max(1, turns - turnsBefore),
        utilization,
        memory: Math.max(used / limit, allowed === undefined ? 0 : process.memoryUsage.rss() / allowed),
      }
    },
    stop: () => histogram.disable(),
  }
}

/** How many turns the event loop has taken. */
function loopTurns(): number {
  return performance.nodeTiming.uvMetricsInfo.loopCount
}

/** The memory limit of the container in bytes; undefined if it is all memory of the machine. */
function allowedMemory(): number | undefined {
  const bytes = process.constrainedMemory()
  return bytes > 0 && bytes < totalmem() ? bytes : undefined
}

/** The memory limit in bytes: of the heap or of the container, whichever is less. */
export function memoryLimit(): number {
  return Math.min(getHeapStatistics().heap_size_limit, allowedMemory() ?? Infinity)
}

/** CPU time of this thread in milliseconds. */
export function threadWorkMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/**
 * CPU time of this thread to a millisecond: it is read again after that much time has passed, which is the most that the
 * thread can have worked. Otherwise each request would make one or more system calls.
 */
export function coarseWorkMs(clock: Pick<Clock, 'monotonic'>, exact = threadWorkMs): () => number {
  let askedAt = -Infinity
  let work = 0
  return () => {
    const now = clock.monotonic()
    if (now - askedAt >= 1) {
      askedAt = now
      work = exact()
    }
    return work
  }
}
