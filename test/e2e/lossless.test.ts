import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { VERSION } from '../../src/config/version.ts'
import { canonicalJson } from '../../src/domain/json/json.ts'
import {
  CONVERSATIONS,
  type ConversationKind,
  openConversation,
  type RawConversation,
} from '../support/raw-conversation.ts'
import { rawClient } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type RelayedServer, relayedServer } from '../support/stdio-relay.ts'
import { mirrorHttp, mirrorSse } from '../support/upstreams/mirror-http.ts'
import { COUNT, ODD, PROMPT, RESOURCE, RESULTS, TEMPLATE, TOOL } from '../support/upstreams/mirror-server.ts'
import type { HttpUpstream } from '../support/upstreams/sample-http.ts'
import { servingMirror } from '../support/upstreams/stdio-servers.ts'

type Fields = Record<string, unknown>

const SERVERS = ['legacy-http', 'legacy-sse', 'legacy-stdio', 'modern-http', 'modern-stdio'] as const
const ERAS = ['legacy', 'modern'] as const

let legacy: HttpUpstream
let sse: HttpUpstream
let modern: HttpUpstream
let stdio: RelayedServer[]
let gateway: TestGateway
let token: string
const conversations: RawConversation[] = []

beforeAll(async () => {
  legacy = await mirrorHttp('legacy')
  sse = await mirrorSse()
  modern = await mirrorHttp('modern')
  stdio = [await relayedServer(servingMirror('legacy')), await relayedServer(servingMirror('modern'))]
  gateway = await startTestGateway({
    'legacy-stdio': { ...stdio[0]?.document },
    'modern-stdio': { ...stdio[1]?.document },
    'legacy-http': { transport: 'streamable-http', url: legacy.url },
    'legacy-sse': { transport: 'sse', url: sse.url },
    'modern-http': { transport: 'streamable-http', url: modern.url, headers: { 'x-own': 'configured' } },
  })
  token = await gateway.token()
})

afterEach(async () => {
  await Promise.all(conversations.splice(0).map((conversation) => conversation.close()))
})

afterAll(async () => {
  await gateway.close()
  await Promise.all([legacy, sse, modern].map((upstream) => upstream.close()))
  await Promise.all(stdio.map((upstream) => upstream.close()))
})

const PARAMS = {
  x1: { y: [1, null], odd: ODD },
  _meta: {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'vendor.example/x2': { z: 2 },
  },
}

/** Each method that goes to a server, with parameters whose every level has fields that no revision knows. */
const REQUESTS: [string, Fields][] = [
  [
    'tools/call',
    { ...PARAMS, name: 'mirror', arguments: { a: 'x', deep: [{ x3: null }], n: 1.5, odd: ODD } },
  ],
  ['prompts/get', { ...PARAMS, name: 'greet', arguments: { who: 'Ann', x3: 'y' } }],
  ['resources/read', { ...PARAMS, uri: 'mirror://a' }],
  [
    'completion/complete',
    {
      ...PARAMS,
      ref: { type: 'ref/prompt', name: 'greet', x3: 3 },
      argument: { name: 'who', value: 'A', x4: 4 },
      context: { arguments: {}, x5: 5 },
    },
  ],
  [
    'completion/complete',
    {
      ...PARAMS,
      ref: { type: 'ref/resource', uri: 'mirror://{id}', x3: 3 },
      argument: { name: 'id', value: 'A', x4: 4 },
    },
  ],
]

/** All servers have the same URIs; among all, the first by name keeps its own. */
function shownUri(server: string, uri: string): string {
  return server === 'legacy-http' ? uri : `${server}+${uri}`
}

/** Resources in a result have names that lead to the server: the first has what its template matches. */
function withShownUris(server: string, value: unknown): unknown {
  const shown = JSON.stringify(value).replaceAll(/"uri":"(mirror:[^"]*)"/g, (_member, uri: string) => {
    const isOther = uri.split('/').length > 3
    return `"uri":"${isOther ? `${server}+${uri}` : shownUri(server, uri)}"`
  })
  return JSON.parse(shown) as unknown
}

/** The same requests to one server among all. */
function amongAll(server: string): [string, Fields][] {
  return REQUESTS.map(([method, params]) => {
    const { name, uri, ref } = params as {
      name?: string
      uri?: string
      ref?: { name?: string; uri?: string }
    }
    return [
      method,
      {
        ...params,
        ...(name !== undefined && { name: `${server}_${name}` }),
        ...(uri !== undefined && { uri: shownUri(server, uri) }),
        ...(ref?.name !== undefined && { ref: { ...ref, name: `${server}_${ref.name}` } }),
        ...(ref?.uri !== undefined && { ref: { ...ref, uri: shownUri(server, ref.uri) } }),
      },
    ]
  })
}

/** What the era of a client adds to a result. */
function arrived(kind: ConversationKind, method: string, result: Fields): Fields {
  if (!isModern(kind)) return result
  const isCacheable = method.endsWith('/list') || method.endsWith('/read')
  return {
    ...result,
    resultType: 'complete',
    ...(isCacheable && { ttlMs: 0, cacheScope: 'private' }),
    _meta: {
      ...(result['_meta'] as Fields),
      'io.modelcontextprotocol/serverInfo': { name: 'tool-gateway', version: VERSION },
    },
  }
}

/**
 * Up to 2025-11-25 structured content is an object, and so is what its schema describes: in this form a legacy server
 * of the SDK sends a schema of anything else, and the gateway shows it to a legacy client.
 */
const WRAPPED = { type: 'object', properties: { result: { type: 'array' } }, required: ['result'] }

function tools(kind: ConversationKind, server: string): Fields[] {
  const isLegacy = server.startsWith('legacy')
  return [
    isLegacy || !isModern(kind) ? { ...COUNT, outputSchema: WRAPPED } : COUNT,
    isLegacy && !isModern(kind) ? TOOL : withoutExecution(TOOL),
  ]
}

/** A member of 2025-11-25 that 2026-07-28 has not: servers of the SDK do not send it there. */
function withoutExecution({ execution: _execution, ...tool }: Fields): Fields {
  return tool
}

function isModern(kind: ConversationKind): boolean {
  return kind.startsWith('modern')
}

/** Equal texts for equal values; unlike `toEqual` it overlooks no member. */
function normalised(value: unknown): string {
  return JSON.stringify(JSON.parse(canonicalJson(value)), null, 1)
}

function expectSame(actual: unknown, expected: unknown): void {
  expect(normalised(actual)).toBe(normalised(expected))
}

async function open(kind: ConversationKind, path = ''): Promise<RawConversation> {
  const conversation = await openConversation(kind, gateway.url, token, { path })
  conversations.push(conversation)
  return conversation
}

describe.each(CONVERSATIONS)('to a client over %s', (kind) => {
  /** Each list of a server, with the member that tells its items apart, and how that is shown among all. */
  const LISTS: [
    string,
    string,
    (server: string) => Fields[],
    string,
    (server: string, own: string) => string,
  ][] = [
    ['tools/list', 'tools', (server) => tools(kind, server), 'name', (server, own) => `${server}_${own}`],
    ['prompts/list', 'prompts', () => [PROMPT], 'name', (server, own) => `${server}_${own}`],
    ['resources/list', 'resources', () => [RESOURCE], 'uri', shownUri],
    ['resources/templates/list', 'resourceTemplates', () => [TEMPLATE], 'uriTemplate', shownUri],
  ]

  test.each(LISTS)(
    'definitions in %s of all servers differ in nothing but the prefixed name or URI',
    async (method, member, items, identity, shown) => {
      const { result } = await (await open(kind)).call('list', method)
      const all = SERVERS.flatMap((server) =>
        items(server).map((item) => ({ ...item, [identity]: shown(server, String(item[identity])) })),
      )
      const sorted = (list: unknown): Fields[] =>
        (list as Fields[]).toSorted((a, b) => (String(a[identity]) < String(b[identity]) ? -1 : 1))
      expectSame(
        { ...result, [member]: sorted(result?.[member]) },
        arrived(kind, method, { [member]: sorted(all) }),
      )
    },
  )

  describe.each(SERVERS)('of the server %s', (server) => {
    test.each(LISTS)('definitions in %s of it alone differ in nothing', async (method, member, items) => {
      const { result } = await (await open(kind, `/${server}`)).call('list', method)
      expectSame(result, arrived(kind, method, { [member]: items(server) }))
    })

    test.each(REQUESTS)(
      'a result of %s, and the parameters that reach the server, differ in nothing',
      async (method, params) => {
        const { result } = await (await open(kind, `/${server}`)).call('one', method, params)
        const sent = { ...RESULTS[method], _meta: { 'mirror/received': params, x9: { y: 9 } } }
        expectSame(result, arrived(kind, method, sent))
      },
    )

    test('among all servers they differ in nothing but the prefixed name or URI', async () => {
      const client = await open(kind)
      const requests = amongAll(server)
      for (const [id, [method, params]] of requests.entries()) {
        const { result } = await client.call(id, method, params)
        const received = REQUESTS[id]?.[1]
        const named = withShownUris(server, RESULTS[method] ?? {}) as Fields
        const sent = { ...named, _meta: { 'mirror/received': received, x9: { y: 9 } } }
        expectSame(result, arrived(kind, method, sent))
      }
    })
  })

  test.each(['modern-http', 'modern-stdio'])(
    'structured content of %s that is no object comes in the form that its schema has for the client',
    async (server) => {
      const client = await open(kind, `/${server}`)
      const { result } = await client.call('count', 'tools/call', { name: 'count', arguments: {} })
      const structuredContent = isModern(kind) ? [1, 2] : { result: [1, 2] }
      expectSame(result, arrived(kind, 'tools/call', { content: [], structuredContent }))
    },
  )
})

test.each(ERAS)('what a %s client says about itself stays at the gateway', async (era) => {
  const headers = {
    cookie: 'session=stolen',
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-host': 'evil.example',
    'x-tenant-id': 'other',
    'x-api-key': 'secret-of-the-client',
    forwarded: 'for=203.0.113.7',
  }
  for (const name of ['legacy-http_mirror', 'legacy-sse_mirror', 'modern-http_mirror']) {
    const client = await rawClient(era, gateway.url, token)
    const { message } = await client.request('tools/call', { name, arguments: {} }, { headers })
    expect(message.result).toBeDefined()
  }
  const received = [...legacy.seen, ...sse.seen, ...modern.seen].map((request) => request.headers)
  expect(modern.seen.at(-1)?.headers['x-own']).toBe('configured')
  const text = JSON.stringify(received)
  expect(text).not.toContain(token)
  expect(text).not.toMatch(
    /stolen|203\.0\.113|evil\.example|secret-of-the-client|"authorization"|x-tenant-id/,
  )
})
