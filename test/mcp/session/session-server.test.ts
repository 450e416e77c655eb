import { beforeEach, describe, expect, test } from '@jest/globals'
import { type JSONRPCMessage, Server } from '@modelcontextprotocol/server'
import { SessionServer } from '../../../src/mcp/session/session-server.ts'

const AUTH = { token: '', clientId: 'x', scopes: [] }
const ANYTHING = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const

let made: Server[]
let sent: JSONRPCMessage[]
let isClosed: boolean
let server: SessionServer

beforeEach(() => {
  made = []
  sent = []
  isClosed = false
  server = new SessionServer({
    id: 'session-1',
    makeServer: () => {
      const one = new Server({ name: 'gateway', version: '1' }, { capabilities: { tools: {} } })
      one.fallbackRequestHandler = ({ method, params }, { sessionId, mcpReq: { signal } }) => {
        const client = one.getClientVersion()?.name ?? 'nobody'
        const version = one.getNegotiatedProtocolVersion() ?? 'none'
        if (method !== 'test/wait')
          return Promise.resolve({ method, client, version, session: sessionId ?? '' })
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error(`ended ${JSON.stringify(params)}`)))
        })
      }
      made.push(one)
      return one
    },
    send: (message) => {
      sent.push(message)
      return Promise.resolve()
    },
    close: () => (isClosed = true),
  })
})

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Takes messages of the client one after the other, as requests bring them; resolves with what the client got. */
async function got(...messages: Record<string, unknown>[]): Promise<JSONRPCMessage[]> {
  for (const message of messages) {
    void server.take({ jsonrpc: '2.0', ...message } as JSONRPCMessage, AUTH)
    await settled()
  }
  return sent.splice(0)
}

const clientInfo = { name: 'inspector', version: '2' }
const params = { protocolVersion: '2024-11-05', capabilities: { roots: {} }, clientInfo }
const initialize = { id: 0, method: 'initialize', params }
const initialized = { method: 'notifications/initialized' }

test('an idle session has no server', async () => {
  await got(initialize)
  expect(server.isPresent).toBe(true)
  await got(initialized)
  expect([server.isPresent, made.length]).toEqual([false, 1])
})

test('what the client said of itself is known without a server', async () => {
  await got(initialize, initialized)
  expect(server.getClientCapabilities()).toEqual({ roots: {} })
  expect(server.getClientVersion()).toEqual({ name: 'inspector', version: '2' })
  expect(server.getNegotiatedProtocolVersion()).toBe('2024-11-05')
})

test('a request after a time without one is answered by a server that knows the client, and nothing else is sent', async () => {
  await got(initialize, initialized)
  expect(await got({ id: 7, method: 'test/x' })).toEqual([
    {
      jsonrpc: '2.0',
      id: 7,
      result: { method: 'test/x', client: 'inspector', version: '2024-11-05', session: 'session-1' },
    },
  ])
  expect(made).toHaveLength(2)
})

test('requests that come together after a time without one are answered by one server', async () => {
  await got(initialize, initialized)
  for (const id of [1, 2, 3]) void server.take({ jsonrpc: '2.0', id, method: 'ping' }, AUTH)
  await settled()
  expect(sent).toEqual([1, 2, 3].map((id) => ({ jsonrpc: '2.0', id, result: {} })))
  expect(made).toHaveLength(2)
})

describe('a server stays', () => {
  test('until the client has said who it is', async () => {
    await got({ id: 1, method: 'ping' }, initialized)
    server.rest()
    expect(server.isPresent).toBe(true)
  })

  test('where what the client said was refused', async () => {
    await got({ id: 1, method: 'initialize', params: {} }, initialized)
    expect(server.getClientVersion()).toBeUndefined()
    expect(server.isPresent).toBe(true)
  })

  test('while a request is under way, and its end cancels that', async () => {
    await got(initialize, initialized, { id: 1, method: 'test/wait' })
    server.rest()
    expect(server.isPresent).toBe(true)
    await got({ method: 'notifications/cancelled', params: { requestId: 1 } })
    server.rest()
    expect(server.isPresent).toBe(false)
    expect(sent).toEqual([])
  })

  test('once it has asked the client something, so that no id is used twice', async () => {
    await got(initialize, initialized)
    const options = { signal: new AbortController().signal, timeout: 1000 }
    const answer = server.request({ method: 'roots/list' }, ANYTHING, options)
    await settled()
    const [asked] = sent.splice(0)
    expect(asked).toEqual({ jsonrpc: '2.0', id: 0, method: 'roots/list' })
    await got({ id: 0, result: { roots: [] } })
    expect(await answer).toEqual({ roots: [] })
    server.rest()
    expect(server.isPresent).toBe(true)
    void server.request({ method: 'roots/list' }, ANYTHING, options).catch(() => undefined)
    await settled()
    expect(sent).toEqual([{ jsonrpc: '2.0', id: 1, method: 'roots/list' }])
    server.end()
  })
})

test('a notification of the gateway needs no server', async () => {
  await got(initialize, initialized)
  await server.notification({ method: 'notifications/tools/list_changed' })
  expect(sent).toEqual([{ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }])
  expect(made).toHaveLength(1)
})

test('the end of the session ends what is under way, and nothing begins after it', async () => {
  await got(initialize, initialized, { id: 1, method: 'test/wait' })
  server.end()
  server.end()
  await got({ id: 2, method: 'ping' })
  const asked = server.request({ method: 'roots/list' }, ANYTHING, {
    signal: AbortSignal.any([]),
    timeout: 1000,
  })
  await expect(asked).rejects.toThrow('the session has ended')
  expect([sent, made.length, isClosed]).toEqual([[], 2, false])
})

test('a message that waits for a server is dropped when the session ends', async () => {
  await got(initialize, initialized)
  const taken = server.take({ jsonrpc: '2.0', id: 9, method: 'test/x' }, AUTH)
  server.end()
  await taken
  await settled()
  expect(sent).toEqual([])
})
