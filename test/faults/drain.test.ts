import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
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

async function modernCall(url: string, token: string): Promise<Response> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'ledger_count',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'ledger_count', arguments: {}, _meta: meta },
    }),
  })
}

describeWithEmulator('a gateway that is told to stop', () => {
  test('serves on until balancers have noticed, then refuses with the time to wait, and ends with exit code 0', async () => {
    fleet = await ReplicaFleet.start({
      project: 'demo-drain-phases',
      replicas: 1,
      env: { DRAIN_NOTICE_MS: '5000', DRAIN_TIMEOUT_MS: '15000' },
    })
    const [url = ''] = fleet.urls
    const [gateway] = fleet.gateways
    const token = await fleet.token()
    const under = call(url, token, 'ledger_slow', { id: 'slow', ms: 9000 })
    await eventually(async () => (await fleet?.ledger())?.includes('slow'))
    gateway?.child.kill('SIGTERM')
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 503)
    const [served, servedModern] = await Promise.all([
      call(url, token, 'ledger_count'),
      modernCall(url, token),
    ])
    expect([served.status, served.headers.get('connection'), servedModern.status]).toEqual([
      200,
      'close',
      200,
    ])
    const refused = await eventually(async () => {
      const answer = await call(url, token, 'ledger_count')
      return answer.status === 503 && answer
    })
    const modern = await modernCall(url, token)
    expect([refused.headers.get('retry-after'), ((await refused.json()) as { code: string }).code]).toEqual([
      '1',
      'shutting_down',
    ])
    expect([modern.status, modern.headers.get('retry-after'), await modern.text()]).toEqual([
      503,
      '1',
      expect.stringContaining('"code":"shutting_down"'),
    ])
    expect((await under).status).toBe(200)
    expect(await gateway?.exited).toBe(0)
  })

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
