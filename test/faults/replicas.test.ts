import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { connectSdk, SDK_CLIENTS } from '../support/sdk-clients.ts'
import { ReplicaFleet } from './replica-fleet.ts'

/** More than there are replicas, so that each gets a call after the one that opened the session. */
const ROUNDS = 4
const WAIT = { id: 'wait', tool: 'ledger_slow', arguments: { id: '${input.id}', ms: '${input.ms}' } }

let fleet: ReplicaFleet
let token: string

function textOf(result: unknown): string {
  return (result as { content: { text: string }[] }).content.map(({ text }) => text).join()
}

describeWithEmulator('three replicas behind a balancer without affinity', () => {
  beforeAll(async () => {
    fleet = await ReplicaFleet.start({
      project: 'demo-replicas',
      pipelines: { wait: { name: 'wait', tenantId: 'acme', steps: [WAIT] } },
    })
    token = await fleet.token()
  }, 120_000)

  afterAll(async () => {
    const left = await fleet.close()
    if (left.length > 0) throw new Error(`processes were left: ${left.join()}`)
  })

  test.each(SDK_CLIENTS)(
    'serve each call of an SDK %s client over %s, whichever they arrive at',
    async (...kind) => {
      const client = await connectSdk(kind, fleet.proxy.url, token)
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = `${kind.join('-')}-${round}`
        const result = await client.callTool({ name: 'ledger_write', arguments: { id } })
        expect(textOf(result)).toBe(`wrote ${id}`)
      }
      await client.close()
    },
  )

  test.each([
    ['v1', 'streamable-http'],
    ['v2', 'streamable-http'],
    ['v1', 'sse'],
    ['v2', 'sse'],
  ] as const)('bring the answers of an SDK %s client over %s to the server that asked', async (...kind) => {
    const answers = { elicitation: () => ({ action: 'accept', content: { name: 'Ann' } }) }
    const client = await connectSdk(kind, fleet.proxy.url, token, { answers })
    for (let round = 0; round < ROUNDS; round += 1) {
      const result = await client.callTool({ name: 'ledger_ask', arguments: {} })
      expect(textOf(result)).toContain('Ann')
    }
    await client.close()
  })

  test.each([['v1'], ['v2']] as const)(
    'keep the state that a server has for a session together (SDK %s)',
    async (version) => {
      const client = await connectSdk([version, 'streamable-http'], fleet.proxy.url, token)
      const counts: string[] = []
      for (let round = 0; round < ROUNDS; round += 1)
        counts.push(textOf(await client.callTool({ name: 'counter_count', arguments: {} })))
      expect(counts).toEqual(['1', '2', '3', '4'])
      await client.close()
    },
  )

  test('tell a client what it subscribed to, wherever its stream is', async () => {
    const client = await connectSdk(['v2', 'streamable-http'], fleet.proxy.url, token)
    await client.subscribeResource({ uri: 'ledger://all' })
    await eventually(() => client.updated.length > 0, { what: 'an update' })
    expect(client.updated[0]).toBe('ledger://all')
    await client.close()
  })

  test('know the runs of pipelines of each other, under way and ended, and can end them', async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const begin = async (id: string, ms: number): Promise<string> => {
      const answer = await fetch(`${fleet.proxy.url}/v1/pipelines/wait`, {
        method: 'POST',
        headers: { ...headers, prefer: 'respond-async' },
        body: JSON.stringify({ arguments: { id, ms } }),
      })
      expect(answer.status).toBe(202)
      return ((await answer.json()) as { id: string }).id
    }
    const statuses = (id: string, method = 'GET'): Promise<unknown[]> =>
      Promise.all(
        fleet.urls.map(async (url) => {
          const answer = await fetch(`${url}/v1/pipelines/runs/${id}`, { method, headers })
          return ((await answer.json()) as { status: unknown }).status
        }),
      )
    const long = await begin('long', 60_000)
    expect(await statuses(long)).toEqual(['running', 'running', 'running'])
    await statuses(long, 'DELETE')
    await eventually(async () => (await statuses(long)).every((status) => status === 'cancelled'))
    const short = await begin('short', 1)
    await eventually(async () => (await statuses(short)).every((status) => status === 'succeeded'))
    const foreign = await fleet.token({ sub: 'bob' })
    const answer = await fetch(`${fleet.proxy.url}/v1/pipelines/runs/${short}`, {
      headers: { authorization: `Bearer ${foreign}` },
    })
    expect(answer.status).toBe(404)
  })

  test('end a session everywhere', async () => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    }
    const post = (url: string, body: unknown, session?: string): Promise<Response> =>
      fetch(`${url}/mcp`, {
        method: 'POST',
        headers: { ...headers, ...(session !== undefined && { 'mcp-session-id': session }) },
        body: JSON.stringify(body),
      })
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    }
    const [first = '', second = '', third = ''] = fleet.urls
    const opened = await post(first, { jsonrpc: '2.0', id: 1, method: 'initialize', params })
    const session = opened.headers.get('mcp-session-id') ?? ''
    await opened.text()
    const ping = async (url: string): Promise<number> => {
      const answer = await post(url, { jsonrpc: '2.0', id: 2, method: 'ping' }, session)
      await answer.text()
      return answer.status
    }
    expect([await ping(second), await ping(first)]).toEqual([200, 200])
    await fetch(`${second}/mcp`, { method: 'DELETE', headers: { ...headers, 'mcp-session-id': session } })
    expect([await ping(second), await ping(third)]).toEqual([404, 404])
    await eventually(async () => (await ping(first)) === 404)
  })

  test('keep serving the sessions of one that was killed, and of one that replaced it', async () => {
    const client = await connectSdk(['v2', 'streamable-http'], fleet.proxy.url, token)
    await client.callTool({ name: 'ledger_write', arguments: { id: 'before' } })
    fleet.proxy.use(fleet.urls.slice(1))
    await fleet.kill(0)
    for (let round = 0; round < ROUNDS; round += 1)
      await client.callTool({ name: 'ledger_write', arguments: { id: `after-${round}` } })
    // The state of the session has ended with its replica: a call finds that out, and the next begins with a new one.
    const outcomes: string[] = []
    const counted = await eventually(() =>
      client.callTool({ name: 'counter_count', arguments: {} }).catch((error: Error) => {
        outcomes.push(error.message)
        return false as const
      }),
    )
    for (const outcome of outcomes) expect(outcome).toContain('replica_unavailable')
    expect(textOf(counted)).toBe('1')
    await fleet.restart(0)
    for (let round = 0; round < ROUNDS; round += 1)
      await client.callTool({ name: 'ledger_write', arguments: { id: `again-${round}` } })
    await client.close()
  })
})
