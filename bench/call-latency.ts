/**
 * Latency that the gateway adds to a tool call: sequential calls of one caller over Streamable HTTP, straight to the
 * everything server and through the gateway with token, access rules, record and metrics on.
 * `npm run bench -- [calls]`
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { LocalIssuer } from '../src/identity/local-issuer.ts'
import { systemClock } from '../src/domain/clock.ts'

const calls = Number(process.argv[2] ?? 2000)
const WARM_UP = 300
const children: ChildProcess[] = []
const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-'))

try {
  const [upstreamPort, gatewayPort] = [await freePort(), await freePort()]
  const everything = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'
  start([everything, 'streamableHttp'], { PORT: String(upstreamPort) })
  const upstream = `http://127.0.0.1:${upstreamPort}/mcp`
  const servers = {
    http: { transport: 'streamable-http', url: upstream, requiredRoles: ['reader'] },
    stdio: {
      transport: 'stdio',
      command: process.execPath,
      args: [everything, 'stdio'],
      requiredRoles: ['reader'],
    },
  }
  await writeFile(join(dataDir, 'registry.yaml'), JSON.stringify({ servers }))
  await until(() => fetch(upstream).then(() => true))
  start(['src/main.ts'], {
    PORT: String(gatewayPort),
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
  })
  const gateway = `http://127.0.0.1:${gatewayPort}`
  await until(() => fetch(`${gateway}/readyz`).then(({ ok }) => ok))
  const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
  const token = await issuer.issue({ tenantId: 'local', subject: 'bench', roles: ['reader'], ttlMs: 600_000 })
  await until(() =>
    fetch(`${gateway}/health`, { headers: { authorization: `Bearer ${token}` } }).then(({ ok }) => ok),
  )

  const rows = [
    await measure('straight to the server, HTTP', new URL(upstream), 'echo', undefined, 'legacy'),
    await measure('gateway, 2025-11-25 to HTTP', new URL(`${gateway}/mcp`), 'http_echo', token, 'legacy'),
    await measure('gateway, 2026-07-28 to HTTP', new URL(`${gateway}/mcp`), 'http_echo', token, 'modern'),
    await measure('gateway, 2025-11-25 to stdio', new URL(`${gateway}/mcp`), 'stdio_echo', token, 'legacy'),
    await measure('gateway, 2026-07-28 to stdio', new URL(`${gateway}/mcp`), 'stdio_echo', token, 'modern'),
  ]
  process.stdout.write(`${calls} sequential calls each, milliseconds\n`)
  for (const row of rows) process.stdout.write(`${row}\n`)
} finally {
  for (const child of children) child.kill('SIGTERM')
  await rm(dataDir, { recursive: true, force: true })
}

async function measure(
  title: string,
  url: URL,
  name: string,
  token: string | undefined,
  era: 'legacy' | 'modern',
): Promise<string> {
  const options = era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {}
  const client = new Client({ name: 'bench', version: '1' }, options)
  const authProvider = token === undefined ? undefined : { token: () => Promise.resolve(token) }
  await client.connect(new StreamableHTTPClientTransport(url, authProvider && { authProvider }))
  const times: number[] = []
  for (let index = -WARM_UP; index < calls; index += 1) {
    const before = performance.now()
    await client.callTool({ name, arguments: { message: 'x' } })
    if (index >= 0) times.push(performance.now() - before)
  }
  await client.close()
  times.sort((a, b) => a - b)
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(2).padStart(7)
  return `${title.padEnd(32)} p50 ${at(0.5)}   p90 ${at(0.9)}   p99 ${at(0.99)}`
}

function start(args: string[], env: NodeJS.ProcessEnv): void {
  children.push(
    spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
}

async function until(probe: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await probe().catch(() => false))) {
    if (performance.now() > end) throw new Error('not up within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}
