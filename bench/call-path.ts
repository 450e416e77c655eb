/**
 * The files of `src/` that one plain `tools/call` passes, as V8 counts them in a warm gateway in this process: those with a
 * function that runs between the arrival of the request and the moment it is written to the server, and those with one that
 * runs until all is done. Of many calls what most of the quickest pass counts, which leaves out timers.
 * `node bench/call-path.ts [stdio|http] [legacy|modern|rest]`
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Session } from 'node:inspector'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../test/support/eventually.ts'
import { legacyClient, modernClient } from '../test/support/raw-mcp.ts'
import { startTestGateway } from '../test/support/start-gateway.ts'

const [upstream = 'http', transport = 'modern'] = process.argv.slice(2)
const SRC = new URL('../src/', import.meta.url).href
const ROUNDS = 30
const TEXT = 'hello from call-path'
const params = { name: 'echo_echo', arguments: { message: TEXT } }

const child = upstream === 'http' ? spawn(process.execPath, ['bench/upstream/http.ts']) : undefined
const gateway = await startTestGateway({
  echo:
    child === undefined
      ? { transport: 'stdio', command: process.execPath, args: ['bench/upstream/stdio.ts'] }
      : { transport: 'streamable-http', url: await printedBy(child) },
})
const session = new Session()

try {
  const call = await caller(await gateway.token())
  await eventually(call, { timeoutMs: 20_000, what: 'the echo tool' })
  for (let warm = 0; warm < 20; warm += 1) await call()
  await sleep(300)
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  // The client sends the call first, then the gateway.
  let sent: { files: Set<string>; at: number }[] = []
  onSent(() => sent.push({ files: filesSoFar(), at: performance.now() }))
  const rounds: { out: Set<string>; back: Set<string>; tookMs: number }[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    sent = []
    await call()
    await sleep(50)
    const [first, second] = sent
    if (first === undefined || second === undefined) throw new Error('the call was not sent')
    rounds.push({ out: second.files, back: filesSoFar(), tookMs: second.at - first.at })
  }
  // In the quickest ones nothing else came between.
  const quick = rounds.toSorted((a, b) => a.tookMs - b.tookMs).slice(0, ROUNDS / 3)
  const out = inMost(quick.map((round) => round.out))
  const back = inMost(quick.map((round) => round.back))
  print('on the way to the server', out)
  print('only on the way back', new Set([...back].filter((file) => !out.has(file))))
} finally {
  session.disconnect()
  await gateway.close()
  child?.kill()
}

function print(where: string, files: ReadonlySet<string>): void {
  process.stdout.write(
    `${[...files].toSorted().join('\n')}\n${files.size} files ${where} (${upstream}, ${transport})\n`,
  )
}

async function printedBy(process: ChildProcess): Promise<string> {
  const { stdout } = process
  if (stdout === null) throw new Error('the server has no output')
  const [line] = (await once(stdout, 'data')) as [Buffer]
  return line.toString().trim()
}

async function caller(token: string): Promise<() => Promise<boolean>> {
  if (transport === 'rest')
    return async () => {
      const answer = await fetch(`${gateway.url}/v1/tools/${params.name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ arguments: params.arguments }),
      })
      return (await answer.text()).includes(TEXT)
    }
  const client =
    transport === 'modern' ? modernClient(gateway.url, token) : await legacyClient(gateway.url, token)
  return async () => JSON.stringify((await client.request('tools/call', params)).message).includes(TEXT)
}

/** What more than four in five of the sets have: a busy machine puts off a step, or runs a timer, here and there. */
function inMost(sets: readonly Set<string>[]): Set<string> {
  const all = new Set(sets.flatMap((each) => [...each]))
  return new Set([...all].filter((file) => sets.filter((each) => each.has(file)).length > sets.length * 0.8))
}

/** Calls `done` when a request with the text of the call is written: the client does first, then the gateway. */
function onSent(done: () => void): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with its socket
  const written = Socket.prototype.write
  Socket.prototype.write = function (this: Socket, ...given: never[]): boolean {
    const [chunk = ''] = given as (string | Uint8Array)[]
    if (Buffer.from(chunk).includes(`"message":"${TEXT}"`)) done()
    return Reflect.apply(written, this, given) === true
  }
}

/** The files of `src/` with a function that ran since the last time. */
function filesSoFar(): Set<string> {
  let files = new Set<string>()
  session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
    const passed = result.filter(({ url, functions }) => {
      // The function that begins at 0 is the module itself.
      const own = functions.filter(({ ranges }) => ranges[0]?.startOffset !== 0)
      return url.startsWith(SRC) && own.some(({ ranges }) => ranges.some(({ count }) => count > 0))
    })
    files = new Set(passed.map(({ url }) => url.slice(SRC.length)))
  })
  return files
}
