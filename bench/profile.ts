/**
 * Where the processor time of a call goes: a gateway in this process, calls from another one, and what V8 samples in
 * between, by function and by package. `node bench/profile.ts [modern|legacy|sse|websocket|rest] [callers] [calls] [bytes]`,
 * the last being the size of an image in each result
 */
import { Session } from 'node:inspector/promises'
import { startTestGateway } from '../test/support/start-gateway.ts'
import { startGenerator, startProgram } from './comparison/programs.ts'
import type { Way } from './load/job.ts'

const [way = 'modern', callers = '32', calls = '6000', bytes = '0'] = process.argv.slice(2)
const PATHS: Readonly<Record<string, string>> = {
  modern: '/mcp',
  legacy: '/mcp',
  sse: '/sse',
  websocket: '/ws',
  rest: '/v1/tools',
}
const ROWS = 400

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

const upstream = await startProgram('http.ts')
const gateway = await startTestGateway({ echo: { transport: 'streamable-http', url: upstream.url } })
const generator = startGenerator()
try {
  const subjects = Array.from({ length: Number(callers) }, (_, index) => `caller-${index}`)
  const tokens = await Promise.all(subjects.map((subject) => gateway.token({ subject })))
  const url = gateway.url + (PATHS[way] ?? '')
  const job = {
    url,
    tool: 'echo_echo',
    tokens,
    callers: Number(callers),
    calls: Number(calls),
    bytes: Number(bytes),
    progress: 0,
  }
  await generator.prepare({ ...job, way: way as Way, warmUp: Number(bytes) > 0 ? 400 : 3000 })
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  const before = process.cpuUsage()
  await generator.run()
  const { user, system } = process.cpuUsage(before)
  const { profile } = await session.post('Profiler.stop')
  const frames = new Map<number, Frame>(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  )
  const samples = (profile.samples ?? []).map((id, index) => ({
    frame: frames.get(id),
    id,
    us: profile.timeDeltas?.[index] ?? 0,
  }))
  const busy = samples.filter(({ frame }) => frame?.functionName !== '(idle)')
  const total = busy.reduce((sum, { us }) => sum + us, 0)
  process.stdout.write(`${((user + system) / Number(calls)).toFixed(0)} µs of processor time a call\n`)
  print('by place', busy, total, placeOf)
  print('by function', busy, total, keyOf)
  const within = busy.flatMap(({ id, us }) => {
    const keys = new Set<string>()
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = frames.get(at)
      if (frame !== undefined && !frame.functionName.startsWith('(')) keys.add(keyOf(frame))
    }
    return [...keys].map((key) => ({ key, us }))
  })
  printSums('with everything that it calls', within, total)
} finally {
  await generator.close()
  await gateway.close()
  await upstream.close()
}

function print(
  title: string,
  samples: readonly { readonly frame: Frame | undefined; readonly us: number }[],
  total: number,
  nameOf: (frame: Frame) => string,
): void {
  const keyed = samples.map(({ frame, us }) => ({ key: frame === undefined ? '?' : nameOf(frame), us }))
  printSums(title, keyed, total)
}

function printSums(
  title: string,
  samples: readonly { readonly key: string; readonly us: number }[],
  total: number,
): void {
  const sums = new Map<string, number>()
  for (const { key, us } of samples) sums.set(key, (sums.get(key) ?? 0) + us)
  const rows = [...sums].toSorted(([, a], [, b]) => b - a).slice(0, ROWS)
  process.stdout.write(`\n${title}\n`)
  for (const [key, us] of rows)
    process.stdout.write(`${((100 * us) / total).toFixed(1).padStart(6)} %  ${key}\n`)
}

function keyOf({ functionName, url: file, lineNumber }: Frame): string {
  return `${functionName} ${shortened(file)}:${lineNumber + 1}`
}

function placeOf({ url, functionName }: Frame): string {
  const short = shortened(url)
  if (short === '') return functionName
  const inPackage = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(short)?.[1]
  return inPackage ?? short
}

function shortened(url: string): string {
  return url.replace(new URL('..', import.meta.url).href, '')
}
