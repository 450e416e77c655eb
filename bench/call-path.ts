/**
 * The files of `src/` that one plain `tools/call` passes, as V8 counts them in a warm gateway in this process: those with a
 * function that runs between the arrival of the request and the moment it is written to the server, and those with one that
 * runs until all is done. Of several calls only what each of them passes counts, which leaves out timers.
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
const ROUNDS = 10
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
  const seen: Set<string>[] = []
  onSent(() => seen.push(filesSoFar()))
  for (let round = 0; round < ROUNDS; round += 1) {
    await call()
    await sleep(50)
    seen.push(filesSoFar())
  }
  // Of each round: what came before the client sent the call, what the gateway did until it sent it, and what came then.
  const [out, back] = [1, 2].map((part) => inAll(seen.filter((_files, at) => at % 3 === part))) as [
    Set<string>,
    Set<string>,
  ]
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

function inAll(sets: readonly Set<string>[]): Set<string> {
  return sets.reduce((all, each) => new Set([...all].filter((file) => each.has(file))))
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
