import { loadavg } from 'node:os'
import type { Options } from '../options.ts'
import type { Measurement } from './figures.ts'
import { residentMb, usageOf } from './process-usage.ts'
import { type Generator, startGenerator, startProgram } from './programs.ts'
import type { System, SystemKind } from './systems.ts'

/** Starts the systems side by side and measures them in turn, round after round. */
export async function compare(
  kinds: readonly SystemKind[],
  options: Options,
  say: (line: string) => void,
): Promise<Measurement[]> {
  const open: { close: () => Promise<void> }[] = []
  const opened = <T extends { close: () => Promise<void> }>(each: T): T => {
    open.push(each)
    return each
  }
  try {
    const generator = opened(startGenerator())
    const upstream = opened(await startProgram('http.ts'))
    const target = { ...upstream, url: `${upstream.url}?era=${options.era}&answer=${options.answer}` }
    const systems: System[] = []
    for (const kind of kinds) {
      say(`starting ${kind.name}: ${kind.title}`)
      const surroundings = { upstream: target, callers: Math.max(...options.callers) }
      // oxlint-disable-next-line no-await-in-loop -- side by side they would take turns at the same processors
      const system = await kind.start(surroundings).catch((error: unknown) => {
        if (kind.isOptional !== true) throw error
        say(`left out ${kind.name}: ${String(error)}`)
      })
      if (system !== undefined) systems.push(opened(system))
    }
    return await measureAll(systems, generator, options, say)
  } finally {
    for (const each of open.toReversed()) await each.close()
  }
}

async function measureAll(
  systems: readonly System[],
  generator: Generator,
  options: Options,
  say: (line: string) => void,
): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  const turns = options.callers.flatMap((callers) => systems.map((system) => ({ callers, system })))
  const first = 1 - options.settling
  for (let round = first; round <= options.rounds; round += 1) {
    for (const { system, callers } of turns) {
      const isCold = round === first && callers === options.callers[0]
      const warmUp = isCold ? options.warmUp : Math.ceil(options.calls / 4)
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      const found = await measure(system, generator, { ...options, callers, warmUp, round })
      if (round > 0) measurements.push(found)
      say(
        `${round > 0 ? `round ${round} of ${options.rounds}` : 'does not count'}, ${callers} callers, ${system.name}: ${found.cpuUs.toFixed(0)} µs of processor time a call, ${found.callsPerSecond.toFixed(0)} calls/s, load ${loadavg()[0]?.toFixed(1)}`,
      )
    }
  }
  return measurements
}

async function measure(
  { name, pid, way, url, tool, tokens }: System,
  generator: Generator,
  { callers, warmUp, round, calls, bytes, progress }: Omit<Options, 'callers' | 'warmUp'> & Turn,
): Promise<Measurement> {
  try {
    await generator.prepare({ way, url, tool, tokens, callers, calls, warmUp, bytes, progress })
    const before = usageOf(pid)
    const seen = await generator.run()
    const after = usageOf(pid)
    const rssMb = residentMb(pid)
    await generator.finish()
    return {
      system: name,
      round,
      callers,
      cpuUs: (after.ownUs - before.ownUs) / calls,
      childrenUs: (after.childrenUs - before.childrenUs) / calls,
      callsPerSecond: (calls / seen.wallMs) * 1000,
      p50Ms: seen.p50Ms,
      p99Ms: seen.p99Ms,
      rssMb,
      generatorUs: seen.generatorUs,
    }
  } catch (cause) {
    throw new Error(
      `${name} with ${callers} callers: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    )
  }
}

interface Turn {
  readonly callers: number
  readonly warmUp: number
  readonly round: number
}
