import { createMcpHandler, InMemoryTransport, type JSONRPCMessage } from '@modelcontextprotocol/server'
import { describe, expect, test } from '@jest/globals'
import { Calls } from '../../src/calls/calls.ts'
import { type Method, METHODS, methodTable } from '../../src/calls/methods.ts'
import { callChain } from '../../src/calls/call-chain.ts'
import { TaskHandles } from '../../src/calls/tasks/task-handles.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/json/json.ts'
import { type Conversation, createMcpServer, type McpServerOptions } from '../../src/mcp/mcp-server.ts'
import { createModernServer } from '../../src/mcp/modern-server.ts'
import { chainParts } from '../calls/chain-parts.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { offer, principal, server } from '../support/offers.ts'
import { initialize, MODERN, withEnvelope } from '../support/raw-mcp.ts'
import { caller, catalogOf } from '../support/routing.ts'

/** A method that no revision has. */
const PEEK: Method = {
  name: 'notes/peek',
  eras: ['legacy', 'modern'],
  answeredBy: 'server',
  action: 'read',
  kind: 'resource',
  targetAt: 'uri',
}

interface World {
  readonly options: McpServerOptions
  readonly conversation: Omit<Conversation, 'era'>
  /** What the server of the resource got. */
  readonly sent: unknown[]
}

/** A gateway with these methods in front of one server, which answers everything with what it got. */
function world(methods: readonly Method[]): World {
  const catalog = catalogOf([server(), offer({ resources: [{ name: 'one', uri: 'x://1' }] })])
  const clock = new FakeClock()
  const sent: unknown[] = []
  const parts = chainParts(catalog, (name, method, { uri, x }) => {
    sent.push({ server: name, method, uri, x })
    return { peeked: uri, odd: 1 }
  })
  return {
    sent,
    options: {
      info: { name: 'gateway', version: '1' },
      catalog,
      calls: new Calls({ clock, chain: callChain(parts).run }),
      methods: methodTable(methods),
      declared: parts.upstreams,
      taskHandles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }),
      metrics: { serverOperation: () => undefined },
      clock,
      tellServers: () => undefined,
    },
    conversation: {
      scope: undefined,
      callerOf: () => caller({}, 's-1'),
      view: catalog.viewOf(principal()),
    },
  }
}

/** Sends a request in a session of 2025-11-25. */
async function legacy(
  { options, conversation }: World,
  method: string,
  params: JsonObject,
): Promise<unknown> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  const answers = new Map<unknown, (message: JSONRPCMessage) => void>()
  far.onmessage = (message) => ('id' in message ? answers.get(message.id)?.(message) : undefined)
  const ask = (message: JsonObject & { id: unknown }): Promise<JSONRPCMessage> => {
    const { promise, resolve } = Promise.withResolvers<JSONRPCMessage>()
    answers.set(message.id, resolve)
    void far.send(message as unknown as JSONRPCMessage)
    return promise
  }
  const mcpServer = createMcpServer(options, { ...conversation, era: 'legacy' })
  try {
    await Promise.all([mcpServer.connect(near), far.start()])
    await ask(initialize(0) as JsonObject & { id: unknown })
    await far.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return outcomeOf(await ask({ jsonrpc: '2.0', id: 1, method, params }))
  } finally {
    await mcpServer.close()
  }
}

/** Sends a request of 2026-07-28. */
async function modern(
  { options, conversation }: World,
  method: string,
  params: JsonObject,
): Promise<unknown> {
  const handler = createMcpHandler(() => createModernServer(options, { ...conversation, era: 'modern' }), {
    legacy: 'reject',
  })
  try {
    const body = { jsonrpc: '2.0', id: 1, method, params: withEnvelope(params) }
    const response = await handler.fetch(
      new Request('http://gateway.example/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': MODERN,
          'mcp-method': method,
          'mcp-name': String(params['uri']),
        },
        body: JSON.stringify(body),
      }),
    )
    const text = await response.text()
    return outcomeOf(JSON.parse(/^data: ?(.+)$/m.exec(text)?.[1] ?? text))
  } finally {
    await handler.close()
  }
}

/** The result, or the code of the error. */
function outcomeOf(message: unknown): unknown {
  const { result, error } = message as { result?: JsonObject; error?: JsonObject }
  return isJsonObject(error) ? { error: error['code'], message: error['message'] } : result
}

describe.each([
  ['legacy', legacy],
  ['modern', modern],
] as const)('a method that is new to the gateway, of a %s client,', (_era, ask) => {
  const params = { uri: 'alpha+x://1', x: 2 }

  test('takes one row: it goes to the server, under its own name of the target, and its result comes back', async () => {
    const made = world([...Object.values(METHODS), PEEK])
    expect(await ask(made, 'notes/peek', params)).toMatchObject({ peeked: 'x://1', odd: 1 })
    expect(made.sent).toEqual([{ server: 'alpha', method: 'notes/peek', uri: 'x://1', x: 2 }])
  })

  test('is checked and authorized like any other', async () => {
    const made = world([...Object.values(METHODS), PEEK])
    expect(await ask(made, 'notes/peek', { uri: 'beta+x://1' })).toMatchObject({
      message: 'Unknown resource: beta+x://1',
    })
    expect(await ask(made, 'notes/peek', { uri: 5 })).toMatchObject({
      error: -32_602,
      message: 'uri must be a non-empty string',
    })
    expect(made.sent).toEqual([])
  })

  test('is unknown without the row', async () => {
    const made = world(Object.values(METHODS))
    expect(await ask(made, 'notes/peek', params)).toEqual({
      error: -32_601,
      message: 'Unknown method: notes/peek',
    })
    expect(made.sent).toEqual([])
  })
})
