import { mkdtemp, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { legacyClient, modernClient } from '../support/raw-mcp.ts'
import { descendantsOf, isAlive } from '../support/process-tree.ts'

let gateway: GatewayProcess

afterEach(() => gateway.remove())

async function token(...options: string[]): Promise<string> {
  const { stdout } = await gateway.tg('token', '--roles', 'reader,operator,auditor', ...options)
  return stdout.trim()
}

async function servers(url: string, bearer: string): Promise<{ name: string; state: string; pid: number }[]> {
  const response = await fetch(`${url}/v1/servers`, { headers: { authorization: `Bearer ${bearer}` } })
  const { servers: found } = (await response.json()) as {
    servers: { name: string; state: string; instances: { pid: number }[] }[]
  }
  return found.map(({ name, state, instances }) => ({ name, state, pid: instances[0]?.pid ?? 0 }))
}

test('a first start writes an example registry, starts its three real servers, and keeps its data private', async () => {
  gateway = await spawnGateway()
  const url = await gateway.url()
  const bearer = await token()
  const ready = await eventually(
    async () => {
      const found = await servers(url, bearer)
      return found.length === 3 && found.every(({ state }) => state === 'ready') && found
    },
    { timeoutMs: 20_000 },
  )
  expect(ready.map(({ name }) => name)).toEqual(['everything', 'filesystem', 'memory'])
  expect((await stat(gateway.dataDir)).mode & 0o777).toBe(0o700)
  expect((await stat(join(gateway.dataDir, 'local-issuer-key.json'))).mode & 0o777).toBe(0o600)

  const listed = await gateway.tg('tools', 'list', '--url', url, '--token', bearer)
  expect(listed.stdout).toMatch(/^filesystem_read_text_file\tRead/m)
  const path = join(gateway.dataDir, 'files', 'hello.txt')
  const called = await gateway.tg(
    'tools',
    'call',
    'filesystem_read_text_file',
    '--args',
    JSON.stringify({ path }),
    '--url',
    url,
    '--token',
    bearer,
  )
  expect(called).toMatchObject({ code: 0, stdout: 'Hello from behind the gateway.\n\n' })
  const shown = await gateway.tg('servers', 'list', '--url', url, '--token', bearer)
  expect(shown.stdout).toMatch(/^memory\tready\t\d+ tools\treader\t/m)
})

test('killing a stdio server fails its call at once, naming it, leaves the others alone, and it comes back', async () => {
  gateway = await spawnGateway()
  await writeFile(
    join(gateway.dataDir, 'registry.yaml'),
    JSON.stringify({ servers: { victim: everything, other: everything } }),
  )
  const url = await gateway.url()
  const bearer = await token()
  const before = await eventually(
    async () => {
      const found = await servers(url, bearer)
      return found.length === 2 && found.every(({ state }) => state === 'ready') && found
    },
    { timeoutMs: 20_000 },
  )
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
})

test('SIGTERM lets the call in flight finish and be recorded, refuses others to be tried again, and exits with 0', async () => {
  gateway = await spawnGateway()
  await writeFile(join(gateway.dataDir, 'registry.yaml'), JSON.stringify({ servers: { everything } }))
  const url = await gateway.url()
  const bearer = await token()
  await eventually(
    async () =>
      (await servers(url, bearer)).every(({ name, state }) => name === 'everything' && state === 'ready'),
    { timeoutMs: 20_000 },
  )
  const client = await connectClient('streamable-http', url, bearer)
  const started = Promise.withResolvers<void>()
  const call = client.callTool(
    { name: 'everything_trigger-long-running-operation', arguments: { duration: 2, steps: 4 } },
    { onprogress: () => started.resolve() },
  )
  await started.promise
  const legacy = await legacyClient(url, bearer)
  const children = descendantsOf(gateway.child.pid ?? 0)
  expect(children.length).toBeGreaterThan(0)
  gateway.child.kill('SIGTERM')
  await eventually(async () => (await fetch(`${url}/readyz`)).status === 503)
  const refused = await fetch(`${url}/v1/tools/everything_echo`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: '{"arguments":{"message":"late"}}',
  })
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, 'shutting_down'])
  const session = await legacy.request('ping')
  const modern = modernClient(url, bearer)
  for (const answer of [
    session,
    await modern.request('tools/list'),
    await modern.request('ping', {}, { id: 1 }),
  ]) {
    expect([answer.status, answer.headers.get('retry-after'), answer.message]).toMatchObject([
      503,
      '1',
      {
        id: 1,
        error: { code: -31005, data: { code: 'shutting_down', retryable: true, retryAfterMs: 1000 } },
      },
    ])
  }
  expect(JSON.stringify((await call).content)).toContain('Long running operation completed')
  expect(await gateway.exited).toBe(0)
  expect(children.filter(isAlive)).toEqual([])

  const { dataDir } = gateway
  gateway = await spawnGateway({ DATA_DIR: dataDir })
  const records = await fetch(
    `${await gateway.url()}/v1/audit?target=everything_trigger-long-running-operation`,
    {
      headers: { authorization: `Bearer ${await token()}` },
    },
  )
  expect(await records.json()).toMatchObject({
    records: [{ outcome: 'ok', action: 'call', server: 'everything' }],
  })
})

test.each([
  ['over REST', 'rest'],
  ['over MCP', 'mcp'],
])(
  'a call %s that outlasts the drain deadline is answered and recorded, and the exit is clean and in time',
  async (_what, face) => {
    gateway = await spawnGateway({ DRAIN_TIMEOUT_MS: '300' })
    await writeFile(join(gateway.dataDir, 'registry.yaml'), JSON.stringify({ servers: { everything } }))
    const url = await gateway.url()
    const bearer = await token()
    await eventually(
      async () =>
        (await servers(url, bearer)).every(({ name, state }) => name === 'everything' && state === 'ready'),
      { timeoutMs: 20_000 },
    )
    const started = Promise.withResolvers<void>()
    const call =
      face === 'rest' ? restCall(url, bearer, started.resolve) : mcpCall(url, bearer, started.resolve)
    await started.promise
    const before = performance.now()
    gateway.child.kill('SIGTERM')
    expect(await call).toMatchObject({ code: 'shutting_down', mayHaveExecuted: true, server: 'everything' })
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - before).toBeLessThan(20_000)

    const { dataDir } = gateway
    gateway = await spawnGateway({ DATA_DIR: dataDir })
    const records = await fetch(
      `${await gateway.url()}/v1/audit?target=everything_trigger-long-running-operation`,
      {
        headers: { authorization: `Bearer ${await token()}` },
      },
    )
    expect(await records.json()).toMatchObject({ records: [{ outcome: 'error', code: 'shutting_down' }] })
  },
)

/** A call that takes half a minute; resolves with the last event's data. */
async function restCall(url: string, bearer: string, onStarted: () => void): Promise<unknown> {
  const response = await fetch(`${url}/v1/tools/everything_trigger-long-running-operation`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: '{"arguments":{"duration":30,"steps":100}}',
  })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString()
    if (text.includes('event: progress')) onStarted()
  }
  return JSON.parse(/event: error\ndata: (.*)/.exec(text)?.[1] ?? 'null')
}

async function mcpCall(url: string, bearer: string, onStarted: () => void): Promise<unknown> {
  const client = await connectClient('streamable-http', url, bearer)
  return client
    .callTool(
      { name: 'everything_trigger-long-running-operation', arguments: { duration: 30, steps: 100 } },
      { onprogress: onStarted },
    )
    .then(
      () => undefined,
      ({ data }: { data: unknown }) => data,
    )
}

test('a second gateway on the same data directory is refused, naming the first', async () => {
  gateway = await spawnGateway()
  await gateway.url()
  const second = await spawnGateway({ DATA_DIR: gateway.dataDir })
  expect(await second.exited).toBe(69)
  expect(second.log.at(-1)?.['msg']).toMatch(
    new RegExp(`another gateway \\(process ${gateway.child.pid}\\) uses`),
  )
})

test('a registry file that cannot be used at the start leaves the gateway alive and not ready, until it is mended', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-broken-'))
  await writeFile(join(dataDir, 'registry.yaml'), 'servers:\n  a: [\n')
  gateway = await spawnGateway({ DATA_DIR: dataDir })
  const url = await gateway.url()
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const notReady = await fetch(`${url}/readyz`)
  expect([notReady.status, await notReady.json()]).toEqual([
    503,
    { status: 'not ready', missing: ['registry'] },
  ])
  await writeFile(join(dataDir, 'registry.yaml'), 'servers: {}\n')
  await eventually(async () => (await fetch(`${url}/readyz`)).status === 200)
})

test('bad settings are all named at once, with what is expected, and the exit code is 78', async () => {
  gateway = await spawnGateway({ PORT: 'eighty', LOG_LEVEL: 'loud', CALL_TIMEOUT_MS: '0' })
  expect(await gateway.exited).toBe(78)
  const text = gateway.output.join('\n')
  for (const name of ['PORT', 'LOG_LEVEL', 'CALL_TIMEOUT_MS']) expect(text).toContain(name)
})

test('without credentials for Firestore it does not start, and says what to do, as `tg registry pull` does', async () => {
  gateway = await spawnGateway({
    STORE: 'firestore',
    GOOGLE_CLOUD_PROJECT: 'demo-none',
    PUBLIC_URL: 'http://127.0.0.1:8080',
    GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json',
    METADATA_SERVER_DETECTION: 'none',
    STATE_KEY: 'cd'.repeat(32),
    AUDIT_DIGEST_KEY: 'ab'.repeat(32),
  })
  const code = await gateway.exited
  const pulled = await gateway.tg('registry', 'pull', 'registry.yaml', '--dry-run')

  const reason = /the credentials of Google Cloud cannot be used \(.*\/nowhere.*\); set GOOGLE_APPLICATION/
  expect(code).toBe(69)
  expect(gateway.log.map(({ level }) => level)).toEqual(['fatal'])
  expect(gateway.log[0]?.['msg']).toMatch(reason)
  expect([pulled.code, pulled.stdout]).toEqual([69, ''])
  expect(pulled.stderr).toMatch(reason)
})

test('a port that is taken is said plainly, and the exit code is 69', async () => {
  gateway = await spawnGateway()
  const { port } = new URL(await gateway.url())
  const second = await spawnGateway({ PORT: port })
  expect(await second.exited).toBe(69)
  expect(second.log.at(-1)).toMatchObject({
    msg: `the gateway cannot start: port ${port} is in use; set PORT to another one`,
  })
  await second.remove()
})
