/**
 * The files of `src/` that one plain `tools/call` passes, as V8 counts them: a warm gateway in this process, one call
 * over a session of 2025-11-25, and the files with a function that ran meanwhile. What runs without any call (timers)
 * is taken off. `node bench/call-path.ts [stdio|http] [legacy|modern|rest]`
 */
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../test/support/eventually.ts'
import { legacyClient, modernClient } from '../test/support/raw-mcp.ts'
import { startTestGateway } from '../test/support/start-gateway.ts'
import { spawn } from 'node:child_process'

const [upstream = 'stdio', transport = 'legacy'] = process.argv.slice(2)
const SRC = new URL('../src/', import.meta.url).href
const everything = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'
const port = 38_917
const child =
  upstream === 'http'
    ? spawn(process.execPath, [everything, 'streamableHttp'], {
        env: { ...process.env, PORT: String(port) },
        stdio: 'ignore',
      })
    : undefined
const gateway = await startTestGateway({
  everything:
    upstream === 'http'
      ? { transport: 'streamable-http', url: `http://127.0.0.1:${port}/mcp` }
      : { transport: 'stdio', command: process.execPath, args: [everything, 'stdio'] },
})

try {
  const token = await gateway.token()
  const call = await caller(token)
  await eventually(call, { timeoutMs: 20_000, what: 'the echo tool' })
  for (let warm = 0; warm < 20; warm += 1) await call()
  await sleep(300)
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  await sleep(50)
  const idle = await filesSince(session)
  await call()
  const passed = new Set([...(await filesSince(session))].filter((file) => !idle.has(file)))
  process.stdout.write(
    `${[...passed].toSorted().join('\n')}\n${passed.size} files (${upstream}, ${transport})\n`,
  )
} finally {
  await gateway.close()
  child?.kill()
}

async function caller(token: string): Promise<() => Promise<boolean>> {
  const params = { name: 'everything_echo', arguments: { message: 'hello' } }
  if (transport === 'rest')
    return async () => {
      const answer = await fetch(`${gateway.url}/v1/tools/everything_echo`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ arguments: params.arguments }),
      })
      return (await answer.text()).includes('hello')
    }
  const client =
    transport === 'modern' ? modernClient(gateway.url, token) : await legacyClient(gateway.url, token)
  return async () => JSON.stringify((await client.request('tools/call', params)).message).includes('hello')
}

/** The files of `src/` with a function that ran since the last time. */
async function filesSince(session: Session): Promise<Set<string>> {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  const files = result.filter(({ url, functions }) => {
    // The function that begins at 0 is the module itself.
    const own = functions.filter(({ ranges }) => ranges[0]?.startOffset !== 0)
    return url.startsWith(SRC) && own.some(({ ranges }) => ranges.some(({ count }) => count > 0))
  })
  return new Set(files.map(({ url }) => url.slice(SRC.length)))
}
