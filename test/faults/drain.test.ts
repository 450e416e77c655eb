import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { Server } from '@modelcontextprotocol/server'
import type { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { loadSettings } from '../../src/config/load.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { startGateway } from '../../src/gateway.ts'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { spawnGateway } from '../support/gateway-process.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { descendantsOf, isAlive } from '../support/process-tree.ts'
import { legacyClient, modernClient } from '../support/raw-mcp.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { relayedServer } from '../support/stdio-relay.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { ReplicaFleet } from './replica-fleet.ts'

const STUBBORN = {
  name: 'stubborn',
  tenantId: 'acme',
  transport: 'stdio',
  command: process.execPath,
  args: [join(import.meta.dirname, 'stubborn-stdio.ts')],
}

let fleet: ReplicaFleet | undefined

afterEach(async () => {
  await fleet?.close()
})

async function call(url: string, token: string, tool: string, args: unknown = {}): Promise<Response> {
  return fetch(`${url}/v1/tools/${tool}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ arguments: args }),
  })
}

/** Serves tools that answer at once, when `released` resolves, and never; `begun` gets the name of each call. */
function servingHeld(begun: string[], released: Promise<void>): (transport: StdioServerTransport) => void {
  return (transport) => {
    const server = new Server({ name: 'held', version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler('tools/list', () => ({
      tools: ['count', 'slow', 'hang'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    }))
    server.setRequestHandler('tools/call', async ({ params: { name } }) => {
      begun.push(name)
      if (name === 'slow') await released
      if (name === 'hang') await new Promise(() => undefined)
      return { content: [{ type: 'text', text: 'done' }] }
    })
    void server.connect(transport)
  }
}

/** What was recorded of the calls of a tool, as a gateway finds it that starts on the same data directory. */
async function recordsOfNextStart(dataDir: string, bearer: string, targets: string[]): Promise<unknown[]> {
  await writeFile(join(dataDir, 'registry.yaml'), JSON.stringify({ servers: {} }))
  const settings = loadSettings({ PORT: '0', METRICS_PORT: 'off', DATA_DIR: dataDir })
  const next = await startGateway(settings, { logger: silentLogger })
  const headers = { authorization: `Bearer ${bearer}` }
  const records = targets.map(async (target) => {
    const answer = await fetch(`${next.url}/v1/audit?target=${target}`, { headers })
    return ((await answer.json()) as { records: unknown }).records
  })
  try {
    return await Promise.all(records)
  } finally {
    await next.close()
  }
}

test('a gateway that is told to stop serves on until balancers have noticed, then refuses with the time to wait, lets calls end until its deadline, ends the others, records all, leaves no process and exits with 0, also with its collector away', async () => {
  const begun: string[] = []
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const held = await relayedServer(servingHeld(begun, released))
  await using dataDir = await temporaryDirectory()
  const servers = { held: { ...held.document, requiredRoles: ['reader'] } }
  await writeFile(join(dataDir.path, 'registry.yaml'), JSON.stringify({ servers }))
  const drain = { DRAIN_NOTICE_MS: '5000', DRAIN_TIMEOUT_MS: '12000' }
  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }
  const gateway = await spawnGateway({ ...drain, ...collector, DATA_DIR: dataDir.path })
  try {
    const url = await gateway.url()
    const issuer = await LocalIssuer.open({ dir: dataDir.path, clock: systemClock })
    const roles = ['reader', 'auditor']
    const token = await issuer.issue({ tenantId: 'local', subject: 'you', roles, ttlMs: 600_000 })
    await eventually(async () => (await call(url, token, 'held_count')).status === 200)
    const client = await connectClient('streamable-http', url, token)
    const legacy = await legacyClient(url, token)
    const modern = modernClient(url, token)
    const slow = client.callTool({ name: 'held_slow', arguments: {} })
    const hung = client
      .callTool({ name: 'held_hang', arguments: {} })
      .catch(({ data }: { data: unknown }) => data)
    const hungRest = call(url, token, 'held_hang')
    await eventually(() => begun.filter((name) => name !== 'count').length === 3)
    const children = descendantsOf(gateway.child.pid ?? 0)
    expect(children.length).toBeGreaterThan(0)

    gateway.child.kill('SIGTERM')
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 503)
    const [served, servedModern] = await Promise.all([
      call(url, token, 'held_count'),
      modern.request('tools/call', { name: 'held_count', arguments: {} }),
    ])
    expect([served.status, served.headers.get('connection'), servedModern.status]).toEqual([
      200,
      'close',
      200,
    ])

    const refused = await eventually(async () => {
      const answer = await call(url, token, 'held_count')
      return answer.status === 503 && answer
    })
    expect([refused.headers.get('retry-after'), await refused.json()]).toMatchObject([
      '1',
      { code: 'shutting_down' },
    ])
    for (const answer of [
      await legacy.request('ping'),
      await modern.request('tools/call', { name: 'held_count', arguments: {} }, { id: 1 }),
      await modern.request('tools/list', {}, { id: 1 }),
      await modern.request('ping', {}, { id: 1 }),
    ])
      expect([answer.status, answer.headers.get('retry-after'), answer.message]).toMatchObject([
        503,
        '1',
        {
          id: 1,
          error: { code: -31005, data: { code: 'shutting_down', retryable: true, retryAfterMs: 1000 } },
        },
      ])

    release()
    expect((await slow).content).toEqual([{ type: 'text', text: 'done' }])
    const ended = { code: 'shutting_down', mayHaveExecuted: true, server: 'held' }
    expect([await hung, await (await hungRest).json()]).toMatchObject([ended, ended])
    expect(await gateway.exited).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
    const recorded = { outcome: 'error', code: 'shutting_down', server: 'held' }
    expect(await recordsOfNextStart(dataDir.path, token, ['held_slow', 'held_hang'])).toMatchObject([
      [{ outcome: 'ok', action: 'call', server: 'held' }],
      [recorded, recorded],
    ])
  } finally {
    await gateway.remove()
    await held.close()
  }
})

describeWithEmulator('a gateway that is told to stop', () => {
  test('ends by its deadlines with exit code 0, also with its store away, a child that ignores SIGTERM and a call that hangs', async () => {
    fleet = await ReplicaFleet.start({
      project: 'demo-drain-worst',
      replicas: 1,
      documents: () => ({ stubborn: STUBBORN }),
    })
    const [url = ''] = fleet.urls
    const [gateway] = fleet.gateways
    const token = await fleet.token()
    await eventually(async () => (await call(url, token, 'ledger_count')).status === 200)
    await eventually(async () => {
      const headers = { authorization: `Bearer ${token}` }
      return (await (await fetch(`${url}/v1/tools`, { headers })).text()).includes('stubborn_hang')
    })
    const hung = call(url, token, 'stubborn_hang')
    fleet.emulator.freeze()
    await call(url, token, 'ledger_count')
    const before = performance.now()
    gateway?.child.kill('SIGTERM')
    const code = await gateway?.exited
    const tookMs = performance.now() - before
    fleet.emulator.thaw()
    const answer = (await (await hung).json()) as Record<string, unknown>
    expect(answer).toMatchObject({ code: 'shutting_down', mayHaveExecuted: true })
    expect([code, gateway?.log.filter(({ level }) => level === 'error').map(({ msg }) => msg)]).toEqual([
      0,
      expect.not.arrayContaining([expect.stringContaining('did not close')]),
    ])
    expect(tookMs).toBeLessThan(30_000)
  })
})
