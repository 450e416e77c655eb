import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { startGateway } from '../../src/gateway.ts'
import { run } from '../../src/cli/program.ts'
import { commandLine } from '../support/command-line.ts'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { isAlive } from '../support/process-tree.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { startTestGateway } from '../support/start-gateway.ts'

let dataDir: string
let running: GatewayProcess[]

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-process-'))
  running = []
})

afterEach(async () => {
  for (const gateway of running) await gateway.remove()
  await rm(dataDir, { recursive: true, force: true })
})

async function spawn(env: Record<string, string> = {}): Promise<GatewayProcess> {
  const gateway = await spawnGateway({ DATA_DIR: dataDir, ...env })
  running.push(gateway)
  return gateway
}

interface Running {
  readonly name: string
  readonly state: string
  readonly pid: number
}

async function servers(url: string, bearer: string): Promise<Running[]> {
  const response = await fetch(`${url}/v1/servers`, { headers: { authorization: `Bearer ${bearer}` } })
  const { servers: found } = (await response.json()) as {
    servers: { name: string; state: string; instances: { pid: number }[] }[]
  }
  return found.map(({ name, state, instances }) => ({ name, state, pid: instances[0]?.pid ?? 0 }))
}

function ready(url: string, bearer: string, count: number): Promise<Running[]> {
  return eventually(
    async () => {
      const found = await servers(url, bearer)
      return found.length === count && found.every(({ state }) => state === 'ready') && found
    },
    { what: `${count} ready servers` },
  )
}

test('a first start writes an example registry, starts its three real servers, keeps its data private, and refuses a second gateway on them, naming itself', async () => {
  const gateway = await spawn()
  const url = await gateway.url()
  let issued = ''
  const context = {
    env: { DATA_DIR: dataDir },
    print: (text: string) => (issued += text),
    printError: () => undefined,
  }
  expect(await run(['token', '--roles', 'reader,operator,auditor'], context)).toBe(0)
  const bearer = issued.trim()
  expect((await ready(url, bearer, 3)).map(({ name }) => name)).toEqual([
    'everything',
    'filesystem',
    'memory',
  ])
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
  expect((await stat(join(dataDir, 'local-issuer-key.json'))).mode & 0o777).toBe(0o600)

  const tg = commandLine(url, bearer)
  expect((await tg('tools', 'list')).out).toMatch(/^filesystem_read_text_file\tRead/m)
  const path = join(dataDir, 'files', 'hello.txt')
  const args = ['filesystem_read_text_file', '--args', JSON.stringify({ path })]
  const called = await gateway.tg('tools', 'call', ...args, '--url', url, '--token', bearer)
  expect(called).toMatchObject({ code: 0, stdout: 'Hello from behind the gateway.\n\n' })
  expect((await tg('servers', 'list')).out).toMatch(/^memory\tready\t\d+ tools\treader\t/m)

  const settings = loadSettings({ PORT: '0', METRICS_PORT: 'off', DATA_DIR: dataDir })
  await expect(startGateway(settings, { logger: silentLogger })).rejects.toThrow(
    `another gateway (process ${gateway.child.pid}) uses`,
  )
})

test('killing a stdio server fails its call at once, naming it, leaves the others alone, and it comes back', async () => {
  // Its tools may be repeated, and it may be back before the gateway tries again.
  const victims = { ...everything, retry: { maxAttempts: 1 } }
  const gateway = await startTestGateway({ victim: victims, other: everything })
  const { url } = gateway
  const bearer = await gateway.token({ roles: ['reader', 'operator'] })
  const before = await servers(url, bearer)
  const victim = before.find(({ name }) => name === 'victim')?.pid ?? 0
  const client = await connectClient('streamable-http', url, bearer)
  const started = Promise.withResolvers<void>()
  const call = client.callTool(
    { name: 'victim_trigger-long-running-operation', arguments: { duration: 30, steps: 100 } },
    { onprogress: () => started.resolve() },
  )
  const failure = call.then(
    () => undefined,
    (error: unknown) => error,
  )
  await started.promise
  process.kill(victim, 'SIGKILL')
  expect(await failure).toMatchObject({
    code: -31000,
    message: expect.stringContaining('victim'),
    data: { code: 'upstream_unavailable', server: 'victim', mayHaveExecuted: true, retryable: true },
  })
  const other = await client.callTool({ name: 'other_echo', arguments: { message: 'still here' } })
  expect(other.content).toEqual([{ type: 'text', text: 'Echo: still here' }])
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('victim_echo')
  const back = await eventually(async () => {
    const found = (await servers(url, bearer)).find(({ name }) => name === 'victim')
    return found?.state === 'ready' && found.pid !== victim && found
  })
  expect(isAlive(back.pid)).toBe(true)
  const again = await client.callTool({ name: 'victim_echo', arguments: { message: 'back' } })
  expect(again.content).toEqual([{ type: 'text', text: 'Echo: back' }])
  await client.close()
  await gateway.close()
})

/** A server that ends only when it is killed, and has started a process of the same kind in a session of its own. */
async function startStubborn(): Promise<{ gateway: GatewayProcess; pids: number[] }> {
  const daemon = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`
  const program = `
    const stray = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(daemon)}], { detached: true, stdio: 'ignore' })
    require('node:fs').writeFileSync('stray', String(stray.pid))
    import(${JSON.stringify(resolve('test/faults/stubborn-stdio.ts'))})`
  const document = { transport: 'stdio', command: process.execPath, args: ['-e', program], cwd: dataDir }
  await writeFile(join(dataDir, 'registry.yaml'), JSON.stringify({ servers: { stubborn: document } }))
  const gateway = await spawn()
  const url = await gateway.url()
  const bearer = (await gateway.tg('token', '--roles', 'reader,operator')).stdout.trim()
  const [server] = await ready(url, bearer, 1)
  const stray = Number(await readFile(join(dataDir, 'stray'), 'utf8'))
  return { gateway, pids: [server?.pid ?? 0, stray] }
}

test('a second signal ends the gateway at once, and with it the processes of its servers', async () => {
  const { gateway, pids } = await startStubborn()
  gateway.child.kill('SIGTERM')
  await eventually(() => gateway.log.some(({ msg }) => msg === 'shutting down'), { what: 'the first signal' })
  gateway.child.kill('SIGTERM')
  expect(await gateway.exited).toBe(70)
  await eventually(() => !pids.some(isAlive), { what: 'the processes of the server gone' })
})

test('a terminal that is closed ends the gateway as SIGTERM does', async () => {
  const { gateway, pids } = await startStubborn()
  gateway.child.kill('SIGHUP')
  expect(await gateway.exited).toBe(0)
  expect(pids.some(isAlive)).toBe(false)
})

test('what a gateway that was killed has left is ended before the next one starts its servers', async () => {
  const { gateway, pids } = await startStubborn()
  gateway.child.kill('SIGKILL')
  await gateway.exited
  expect(pids.every(isAlive)).toBe(true)
  await writeFile(join(dataDir, 'registry.yaml'), JSON.stringify({ servers: {} }))
  const next = await spawn()
  await next.url()
  expect(pids.some(isAlive)).toBe(false)
  const told = next.log.find(({ processes }) => processes !== undefined)
  expect(told).toMatchObject({
    processes: 2,
    msg: 'ended processes of servers that a killed gateway had left',
  })
})

test('all processes of a gateway are marked as its own, also those that start when its lock file is gone', async () => {
  const echo = { transport: 'stdio', command: process.execPath, args: ['bench/upstream/stdio.ts'] }
  const gateway = await startTestGateway({ echo })
  const bearer = await gateway.token({ roles: ['reader', 'operator'] })
  const [first] = await ready(gateway.url, bearer, 1)
  const { dev, ino } = await stat(join(gateway.dataDir, 'gateway.lock'))
  await rm(join(gateway.dataDir, 'gateway.lock'))
  const mark = await markOf(first?.pid)
  await gateway.rest(bearer, 'POST', '/v1/servers/echo/restart')
  const second = await eventually(async () => {
    const [found] = await ready(gateway.url, bearer, 1)
    return found?.pid !== first?.pid && found
  })
  expect([mark, await markOf(second.pid)]).toEqual([`${dev}-${ino}`, `${dev}-${ino}`])
  await gateway.close()
})

/** What a process has of its gateway in its environment. */
async function markOf(pid: number | undefined): Promise<string | undefined> {
  return /TOOL_GATEWAY_PROCESS=([^/]*)/.exec(await readFile(`/proc/${pid}/environ`, 'latin1'))?.[1]
}

test('a registry file that cannot be used at the start leaves the gateway alive and not ready, until it is mended', async () => {
  await writeFile(join(dataDir, 'registry.yaml'), 'servers:\n  a: [\n')
  const settings = loadSettings({ PORT: '0', METRICS_PORT: 'off', DATA_DIR: dataDir })
  const gateway = await startGateway(settings, { logger: silentLogger })
  const { url } = gateway
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const notReady = await fetch(`${url}/readyz`)
  expect([notReady.status, await notReady.json()]).toEqual([
    503,
    { status: 'not ready', missing: ['registry'] },
  ])
  await writeFile(join(dataDir, 'registry.yaml'), 'servers: {}\n')
  await eventually(async () => (await fetch(`${url}/readyz`)).status === 200)
  await gateway.close()
})

test('without credentials for Firestore it does not start, and says what to do, as `tg registry pull` does', async () => {
  const gateway = await spawn({
    STORE: 'firestore',
    GOOGLE_CLOUD_PROJECT: 'demo-none',
    PUBLIC_URL: 'http://127.0.0.1:8080',
    GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json',
    METADATA_SERVER_DETECTION: 'none',
    ...SHARED_KEYS,
  })
  const code = await gateway.exited
  const pulled = await gateway.tg('registry', 'pull', 'registry.yaml', '--dry-run')

  const reason = /the credentials of Google Cloud cannot be used \(.*\/nowhere.*\); set GOOGLE_APPLICATION/
  expect(code).toBe(69)
  const fatal = gateway.log.filter(({ level }) => level === 'fatal').map(({ msg }) => msg)
  expect([fatal, gateway.log.at(-1)?.['level']]).toEqual([[expect.stringMatching(reason)], 'fatal'])
  expect([pulled.code, pulled.stdout]).toEqual([2, ''])
  expect(pulled.stderr).toMatch(reason)
})
