import type { Measurement } from '../../bench/comparison/figures.ts'

/** A measurement in which only this is of interest. */
export function measurement(system: string, round: number, cpuUs: number): Measurement {
  return {
    system,
    round,
    callers: 32,
    cpuUs,
    childrenUs: 0,
    callsPerSecond: 1000,
    p50Ms: 1.5,
    p99Ms: 4,
    rssMb: 80,
    generatorUs: 50,
  }
}
