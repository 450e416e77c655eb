import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { relayedServer } from '../../support/stdio-relay.ts'
import {
  askingLegacy,
  askingModern,
  askingSse,
  type AskingUpstream,
} from '../../support/upstreams/asking-http.ts'
import { listen, modernHttp } from '../../support/upstreams/sample-http.ts'
import { servingAsking } from '../../support/upstreams/stdio-servers.ts'
import { type Connected, Connecting } from './connecting.ts'
import { RecordingClient } from './recording-client.ts'

const connecting = new Connecting()
const upstreams: { close: () => Promise<void> }[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

type Asking = Connected & { readonly upstream: AskingUpstream }

async function open(start: () => Promise<AskingUpstream>, transport = 'streamable-http'): Promise<Asking> {
  const upstream = await start()
  upstreams.push(upstream.http)
  const server = definitionOf({ transport, url: upstream.http.url })
  return { ...(await connecting.open(server)), upstream }
}

async function touch({ connection }: Connected, uri: string): Promise<void> {
  const params = { name: 'touch', arguments: { uri } }
  await connection.request('tools/call', params, { signal: undefined, timeoutMs: 10_000 })
}

/** Touches a resource until it has been reported as often as `times`. */
async function reported(connected: Connected, uri: string): Promise<void> {
  connected.updates.length = 0
  await eventually(
    async () => {
      await touch(connected, uri)
      return connected.updates.some((update) => update['uri'] === uri)
    },
    { intervalMs: 20 },
  )
}

describe.each([
  ['legacy, Streamable HTTP', askingLegacy, 'streamable-http'],
  ['legacy, HTTP+SSE', askingSse, 'sse'],
  ['modern, Streamable HTTP', askingModern, 'streamable-http'],
] as const)('resources of a server (%s)', (_name, start, transport) => {
  test('are reported as changed while they are watched', async () => {
    const connected = await open(start, transport)
    await connected.connection.watchResources(new Set(['asking://a', 'asking://b']))
    await reported(connected, 'asking://a')
    await reported(connected, 'asking://b')
    expect(connected.updates).toContainEqual({ uri: 'asking://b' })
  })

  test('follow the set that was named last', async () => {
    const connected = await open(start, transport)
    await connected.connection.watchResources(new Set(['asking://a', 'asking://b']))
    await connected.connection.watchResources(new Set(['asking://b', 'asking://c']))
    await reported(connected, 'asking://c')
    await reported(connected, 'asking://b')
    expect(connected.updates.every(({ uri }) => uri !== 'asking://a')).toBe(true)
  })

  test('are watched as the last of several sets says that were named at once', async () => {
    const connected = await open(start, transport)
    const sets = [['a', 'b'], [], ['b', 'c']].map((names) => new Set(names.map((name) => `asking://${name}`)))
    await Promise.all(sets.map((uris) => connected.connection.watchResources(uris)))
    await reported(connected, 'asking://b')
    await reported(connected, 'asking://c')
    expect(connected.updates.every(({ uri }) => uri !== 'asking://a')).toBe(true)
  })

  test('cannot be watched over a closed connection', async () => {
    const { connection } = await open(start, transport)
    await connection.close()
    await expect(connection.watchResources(new Set(['asking://a']))).rejects.toMatchObject({
      code: 'upstream_unavailable',
      facts: { mayHaveExecuted: false },
    })
  })
})

describe('a legacy server', () => {
  test('is asked for what a change names, and the others are not looked at', async () => {
    const { connection, upstream } = await open(askingLegacy)
    const many = new Set(['asking://a', 'asking://b'])
    await connection.watchResources(many, { added: [...many], removed: [] })
    Object.defineProperty(many, Symbol.iterator, { value: () => [][Symbol.iterator]() })
    await connection.watchResources(many, {
      added: ['asking://c', 'asking://b'],
      removed: ['asking://a', 'x:'],
    })
    expect(upstream.state.watching).toEqual([
      'subscribe asking://a',
      'subscribe asking://b',
      'subscribe asking://c',
      'unsubscribe asking://a',
    ])
  })

  test('is asked once for each resource that is new, and released from each that is not wanted any more', async () => {
    const { connection, upstream } = await open(askingLegacy)
    await connection.watchResources(new Set(['asking://a', 'asking://b']))
    await connection.watchResources(new Set(['asking://a', 'asking://b']))
    await connection.watchResources(new Set(['asking://b', 'asking://c']))
    await connection.watchResources(new Set())
    expect(upstream.state.watching).toEqual([
      'subscribe asking://a',
      'subscribe asking://b',
      'subscribe asking://c',
      'unsubscribe asking://a',
      'unsubscribe asking://b',
      'unsubscribe asking://c',
    ])
  })

  test('that refuses one resource is told so, and watches the others all the same', async () => {
    const { connection, upstream } = await open(askingLegacy)
    const uris = new Set(['asking://a', 'asking://refused', 'asking://b'])
    await expect(connection.watchResources(uris)).rejects.toMatchObject({
      code: 'upstream_error',
      facts: { upstream: { code: -32_050 } },
    })
    expect(upstream.state.watched).toEqual(['asking://a', 'asking://b'])
    await connection.watchResources(new Set(['asking://b']))
    expect(upstream.state.watched).toEqual(['asking://b'])
  })

  test('over stdio reports changes with every field that it sent', async () => {
    const relayed = await relayedServer(servingAsking('legacy'))
    upstreams.push(relayed)
    const connected = await connecting.open(definitionOf(relayed.document))
    await connected.connection.watchResources(new Set(['asking://a']))
    const params = { uri: 'asking://a/part', x1: { y: 1 }, _meta: { 'vendor.example/x2': 2 } }
    const message = { method: 'notifications/resources/updated', params }
    const call = { name: 'say', arguments: { message } }
    await connected.connection.request('tools/call', call, { signal: undefined, timeoutMs: 10_000 })
    expect(connected.updates).toEqual([params])
  })
})

describe('a server without subscriptions', () => {
  test('says so before anything is asked of it', async () => {
    const upstream = await modernHttp()
    upstreams.push(upstream)
    const { connection } = await connecting.open(
      definitionOf({ transport: 'streamable-http', url: upstream.url }),
    )
    await expect(connection.watchResources(new Set(['sample://a']))).rejects.toMatchObject({
      code: 'method_not_found',
      message: 'Server sample has no subscriptions',
      facts: { server: 'sample' },
    })
    await expect(connection.watchResources(new Set())).resolves.toBeUndefined()
  })
})

describe('a modern server whose stream broke', () => {
  test('is asked again, and every watched resource counts as changed', async () => {
    const connected = await open(askingModern)
    await connected.connection.watchResources(new Set(['asking://a', 'asking://b']))
    connected.updates.length = 0
    connected.upstream.http.cut()
    await eventually(() => connected.updates.length > 1)
    expect(connected.updates.slice(0, 2)).toEqual([{ uri: 'asking://a' }, { uri: 'asking://b' }])
    await reported(connected, 'asking://a')
  })

  test('is not asked again for what is not watched any more', async () => {
    const connected = await open(askingModern)
    await connected.connection.watchResources(new Set(['asking://a']))
    await connected.connection.watchResources(new Set())
    const before = connected.upstream.http.seen.length
    connected.upstream.http.cut()
    await touch(connected, 'asking://a')
    await touch(connected, 'asking://a')
    const methods = connected.upstream.http.seen.slice(before).map(({ headers }) => headers['mcp-method'])
    expect(methods).not.toContain('subscriptions/listen')
    expect(connected.updates).toEqual([])
  })
})

/** A hand-written server of 2026-07-28 that agrees to report changes of some resources. */
async function choosy(honored: readonly string[]): Promise<{ url: string; streams: Set<ServerResponse> }> {
  const streams = new Set<ServerResponse>()
  const upstream = await listen((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { id, method, params } = JSON.parse(body) as { id: unknown; method: string; params: JsonObject }
      if (method === 'server/discover') {
        const result = {
          resultType: 'complete',
          supportedVersions: ['2026-07-28'],
          capabilities: { resources: { subscribe: true } },
          ttlMs: 0,
          cacheScope: 'private',
        }
        response.writeHead(200, { 'content-type': 'application/json' })
        return response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
      }
      if (method !== 'subscriptions/listen') return response.writeHead(202).end()
      const { resourceSubscriptions: wanted = [] } = params['notifications'] as Record<string, string[]>
      const notifications = { resourceSubscriptions: wanted.filter((uri) => honored.includes(uri)) }
      const meta = { 'io.modelcontextprotocol/subscriptionId': id }
      const acknowledged = {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications, _meta: meta },
      }
      streams.add(response)
      response.on('close', () => streams.delete(response))
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return response.write(`data: ${JSON.stringify(acknowledged)}\n\n`)
    })
  })
  upstreams.push(upstream)
  return { url: upstream.url, streams }
}

describe('a modern server that does not report changes of a resource', () => {
  test('is not taken at its silence, and still watches the others', async () => {
    const { url, streams } = await choosy(['asking://a'])
    const { connection, updates } = await connecting.open(definitionOf({ transport: 'streamable-http', url }))
    await connection.watchResources(new Set(['asking://a']))
    await expect(connection.watchResources(new Set(['asking://a', 'asking://b']))).rejects.toMatchObject({
      code: 'resource_not_found',
      facts: { server: 'sample' },
    })
    await eventually(() => streams.size === 1)
    const params = {
      uri: 'asking://a',
      _meta: { 'io.modelcontextprotocol/subscriptionId': 'listen:1', 'vendor.example/x1': 1 },
    }
    const updated = { jsonrpc: '2.0', method: 'notifications/resources/updated', params }
    for (const stream of streams) stream.write(`data: ${JSON.stringify(updated)}\n\n`)
    await eventually(() => updates.length > 0)
    expect(updates).toEqual([{ uri: 'asking://a', _meta: { 'vendor.example/x1': 1 } }])
  })

  test('at all is left with no stream', async () => {
    const { url, streams } = await choosy([])
    const { connection } = await connecting.open(definitionOf({ transport: 'streamable-http', url }))
    await expect(connection.watchResources(new Set(['asking://a']))).rejects.toMatchObject({
      code: 'resource_not_found',
    })
    await eventually(() => streams.size === 0)
    expect(streams.size).toBe(0)
  })
})

test('a connection of one client reports changed resources like any other', async () => {
  const client = new RecordingClient()
  const upstream = await askingLegacy()
  upstreams.push(upstream.http)
  const server = definitionOf({ transport: 'streamable-http', url: upstream.http.url })
  const connected = await connecting.open(server, {
    client,
    connect: connecting.connector({ clock: new FakeClock() }),
  })
  await connected.connection.watchResources(new Set(['asking://a']))
  await reported(connected, 'asking://a')
  expect(client.told).toEqual([])
})
