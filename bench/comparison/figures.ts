/** What one measurement found, by call where a figure has no other unit. */
export interface Measurement {
  readonly system: string
  readonly round: number
  readonly callers: number
  readonly cpuUs: number
  readonly childrenUs: number
  readonly callsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMb: number
  readonly generatorUs: number
}

/** The middle of several values, and their bounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The measurements of all rounds of one system at one number of callers. */
export interface Row {
  readonly system: string
  readonly callers: number
  readonly cpuUs: Spread
  /** Processor time relative to the floor in the same round. Absent if the floor was not measured. */
  readonly ratio: Spread | undefined
  readonly childrenUs: Spread
  readonly callsPerSecond: Spread
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  readonly rssMb: Spread
}

/** The median, with the smallest and the largest value. @throws RangeError when there is no value */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (low === undefined || high === undefined || min === undefined || max === undefined)
    throw new RangeError('no value was measured')
  return { median: (low + high) / 2, min, max }
}

/** One row for each system and number of callers, in the order of the measurements. */
export function rowsOf(measurements: readonly Measurement[], floor: string): Row[] {
  const groups = Map.groupBy(measurements, ({ system, callers }) => `${callers} ${system}`)
  const floors = new Map(
    measurements
      .filter(({ system }) => system === floor)
      .map(({ round, callers, cpuUs }) => [`${callers} ${round}`, cpuUs]),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const spread = (of: (each: Measurement) => number): Spread => spreadOf(group.map(of))
    const ratios = group.flatMap(({ round, callers, cpuUs }) => {
      const base = floors.get(`${callers} ${round}`)
      return base === undefined ? [] : [cpuUs / base]
    })
    return {
      system: first.system,
      callers: first.callers,
      cpuUs: spread(({ cpuUs }) => cpuUs),
      ratio: ratios.length === 0 ? undefined : spreadOf(ratios),
      childrenUs: spread(({ childrenUs }) => childrenUs),
      callsPerSecond: spread(({ callsPerSecond }) => callsPerSecond),
      p50Ms: spread(({ p50Ms }) => p50Ms),
      p99Ms: spread(({ p99Ms }) => p99Ms),
      rssMb: spread(({ rssMb }) => rssMb),
    }
  })
}
