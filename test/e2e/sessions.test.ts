import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { eventually } from '../support/eventually.ts'
import { echoed, type HostileWorld, startHostileWorld } from '../support/hostile-world.ts'
import { initialize, legacyClient, postMcp, type RawAnswer } from '../support/raw-mcp.ts'
import { startTestGateway } from '../support/start-gateway.ts'
import { openSocket, refusedSocket } from '../support/ws-client.ts'

let world: HostileWorld

beforeAll(async () => {
  world = await startHostileWorld()
})

afterAll(() => world.close())

afterEach(() => world.checkForeignCall())

const UNKNOWN = { status: 404, message: { error: { code: -31012, data: { code: 'session_not_found' } } } }

function ping(sessionId: string | undefined, path: string, token = world.token): Promise<RawAnswer> {
  return postMcp(
    world.gateway.url,
    token,
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { path, headers: { 'mcp-session-id': sessionId ?? '' } },
  )
}

const held = (count: number): Promise<unknown> =>
  eventually(() => world.upstream.state.holding === count, { what: `${count} calls under way` })

async function openSessions(): Promise<string | undefined> {
  const metrics = await (await fetch(world.gateway.gateway.metricsUrl ?? '')).text()
  return /^gateway_sessions\S*face="streamable-http"\S* (\d+)/m.exec(metrics)?.[1]
}

describe('a session', () => {
  test.each([
    ['/mcp/sample', ['/mcp', '/mcp/private']],
    ['/mcp', ['/mcp/sample']],
  ])('that was opened at %s answers there only', async (path, elsewhere) => {
    const { sessionId } = await legacyClient(world.gateway.url, world.token, path)
    for (const other of elsewhere) expect(await ping(sessionId, other)).toMatchObject(UNKNOWN)
    expect((await ping(sessionId, path)).status).toBe(200)
  })

  test('is not that of the same user with another token of fewer rights', async () => {
    const wide = await world.gateway.token({ roles: ['reader', 'operator'] })
    const { sessionId } = await legacyClient(world.gateway.url, wide)
    expect(await ping(sessionId, '/mcp')).toMatchObject(UNKNOWN)
    expect((await ping(sessionId, '/mcp', wide)).status).toBe(200)
  })

  test('ends with DELETE, and its streams with it', async () => {
    const { sessionId } = await legacyClient(world.gateway.url, world.token)
    const headers = {
      authorization: `Bearer ${world.token}`,
      accept: 'text/event-stream',
      'mcp-session-id': sessionId ?? '',
    }
    const stream = await fetch(`${world.gateway.url}/mcp`, { headers })
    expect((await fetch(`${world.gateway.url}/mcp`, { method: 'DELETE', headers })).status).toBe(200)
    expect(await stream.text()).not.toContain('data: {')
    expect(await ping(sessionId, '/mcp')).toMatchObject(UNKNOWN)
  })

  test.each([
    ['no request', { ...initialize(0), id: undefined }, {}],
    ['no JSON-RPC', { ...initialize(0), jsonrpc: '1.0' }, {}],
    ['of no known revision', initialize(0), { 'mcp-protocol-version': 'none' }],
  ])('is not opened by an initialize that is %s', async (_what, message, headers) => {
    const before = await openSessions()
    const { status } = await postMcp(world.gateway.url, world.token, message, { headers })
    expect([status, await openSessions()]).toEqual([400, before])
  })

  test('has one stream of its own, which the newest connection takes over without an event id', async () => {
    const { sessionId } = await legacyClient(world.gateway.url, world.token)
    const headers = {
      authorization: `Bearer ${world.token}`,
      accept: 'text/event-stream',
      'mcp-session-id': sessionId ?? '',
    }
    const abort = new AbortController()
    const first = await fetch(`${world.gateway.url}/mcp`, { headers })
    const second = await fetch(`${world.gateway.url}/mcp`, { headers, signal: abort.signal })
    expect([first.status, second.status]).toEqual([200, 200])
    await first.text() // it ends
    abort.abort()
  })
})

/** The bytes up to the end of the first event. */
function firstEvent(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes?.subarray(0, Buffer.from(bytes).indexOf('\n\n') + '\n\n'.length)
}

/** A `fetch` whose first answer to a call breaks off after its first event, as on a bad line. */
function breakingFetch(): { fetch: typeof fetch; resumed: string[] } {
  const resumed: string[] = []
  let hasBroken = false
  return {
    resumed,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      const lastEventId = headers.get('last-event-id')
      if (lastEventId !== null) resumed.push(lastEventId)
      const isCall = typeof init?.body === 'string' && init.body.includes('"tools/call"')
      if (!isCall || hasBroken) return fetch(input, init)
      hasBroken = true
      const abort = new AbortController()
      const response = await fetch(input, { ...init, signal: abort.signal })
      const reader = response.body?.getReader()
      const first = await reader?.read()
      // A quick answer comes together with the event before it.
      const chunks = [firstEvent(first?.value as Uint8Array | undefined)]
      const body = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            const chunk = chunks.shift()
            if (chunk !== undefined) return controller.enqueue(chunk)
            abort.abort()
            controller.error(new TypeError('terminated'))
          },
        },
        { highWaterMark: 0 },
      )
      return new Response(body, response)
    },
  }
}

describe('a client of the SDK that loses the stream of a call', () => {
  test('resumes it by itself and gets the result of the one call that was made', async () => {
    const { fetch: breaking, resumed } = breakingFetch()
    const client = new Client({ name: 'unlucky', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp', world.gateway.url), {
        authProvider: { token: () => Promise.resolve(world.token) },
        fetch: breaking,
      }),
    )
    const cancelled = world.upstream.state.cancelled
    const result = await client.callTool({ name: 'sample_echo', arguments: { once: true } })
    expect(echoed(result)).toEqual({ once: true })
    expect(resumed).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.\d+\.\d+$/)])
    expect(world.upstream.state.cancelled).toBe(cancelled)
    await client.close()
  })

  test('and is closed then has its call cancelled upstream, and the record says so', async () => {
    const client = new Client({ name: 'closed', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp', world.gateway.url), {
        authProvider: { token: () => Promise.resolve(world.token) },
        requestInit: { headers: { 'x-request-id': 'gone-streamable' } },
      }),
    )
    const call = client.callTool({ name: 'sample_hold', arguments: {} }).catch(() => 'gone')
    await held(1)
    await client.close()
    expect(await call).toBe('gone')
    await held(0)
    expect(await world.recordOf('gone-streamable')).toMatchObject({ outcome: 'cancelled', code: 'cancelled' })
  })
})

test('a stream is resumed in its own session only', async () => {
  const own = await legacyClient(world.gateway.url, world.token)
  const { text } = await own.request('ping')
  const id = /^id: (\S+)$/m.exec(text)?.[1] ?? ''
  const resume = async (sessionId: string | undefined, token: string): Promise<[number, unknown]> => {
    const answer = await fetch(`${world.gateway.url}/mcp`, {
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'text/event-stream',
        'mcp-session-id': sessionId ?? '',
        'last-event-id': id,
      },
    })
    return [answer.status, await answer.text()]
  }
  const other = await legacyClient(world.gateway.url, world.token)
  await other.request('ping')
  expect(await resume(other.sessionId, world.token)).toEqual([
    400,
    expect.stringContaining('"code":"stream_not_kept"'),
  ])
  expect(await resume(own.sessionId, world.foreignToken)).toEqual([
    404,
    expect.stringContaining('"code":"session_not_found"'),
  ])
  expect(await resume(own.sessionId, world.token)).toEqual([200, expect.stringContaining('"result":{}')])
})

describe('the limits', () => {
  test('of a principal hold for WebSockets, which count as sessions', async () => {
    const gateway = await startTestGateway({}, { env: { MAX_SESSIONS_PER_PRINCIPAL: '2' } })
    const token = await gateway.token()
    const open = await Promise.all([openSocket(gateway.url, token), openSocket(gateway.url, token)])
    expect(await refusedSocket(gateway.url, token)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '30' },
      body: {
        code: 'too_many_sessions',
        detail: 'The limit of open sessions is reached: 2 of this principal',
      },
    })
    const [first] = open
    first.close()
    await first.closed
    const third = await eventually(() => openSocket(gateway.url, token).catch(() => false as const))
    third.close()
    await gateway.close()
  })

  test('of a tenant hold for all its principals together, and for no other tenant', async () => {
    const gateway = await startTestGateway({}, { env: { MAX_SESSIONS_PER_TENANT: '2' } })
    const open = async (tenantId: string, subject: string): Promise<RawAnswer> =>
      postMcp(gateway.url, await gateway.token({ tenantId, subject }), initialize(1))
    expect((await open('local', 'ann')).status).toBe(200)
    expect((await open('local', 'bob')).status).toBe(200)
    expect(await open('local', 'eve')).toMatchObject({
      status: 429,
      message: { error: { message: 'The limit of open sessions is reached: 2 of this tenant' } },
    })
    expect((await open('other', 'eve')).status).toBe(200)
    await gateway.close()
  })
})
