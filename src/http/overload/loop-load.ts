import { totalmem } from 'node:os'
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../../domain/clock.ts'

/** What the process had to do in the time since it was last asked. */
export interface LoopLoad {
  /** Mean time that work waited for its turn of the event loop, in milliseconds. */
  readonly delayMs: number
  /** Mean time for which this thread works at one turn of the event loop, in milliseconds, whatever else the machine does. */
  readonly turnMs: number
  /** Share of the time in which the loop was busy, from 0 to 1. */
  readonly utilization: number
  /** Share of the memory that the process may have, from 0 to 1: of the heap or of all, whichever is shorter. */
  readonly memory: number
}

/** Measures the load of this process. */
export interface LoopMeter {
  /** What the load was since the call before. */
  readonly read: () => LoopLoad
  readonly stop: () => void
}

/** Each sample wakes an idle process up, so that more of them than a mean of 100 ms needs would cost for nothing. */
const RESOLUTION_MS = 25
const NANOSECONDS = 1e6

/** Begins to measure. */
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

/** The bytes that the container lets the process have; undefined where that is all of the machine's. */
function allowedMemory(): number | undefined {
  const bytes = process.constrainedMemory()
  return bytes > 0 && bytes < totalmem() ? bytes : undefined
}

/** The bytes that the process may have: of the heap or of the container, whichever is less. */
export function memoryLimit(): number {
  return Math.min(getHeapStatistics().heap_size_limit, allowedMemory() ?? Infinity)
}

/** Milliseconds for which the processor has worked for this thread. */
export function threadWorkMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/**
 * The same to a millisecond: the system is asked again when so much time has passed, which is the most that the thread can have
 * worked. Otherwise each request would make a system call, or several.
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
