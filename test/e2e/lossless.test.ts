import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { rawClient, type RawClient } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { mirrorHttp } from '../support/upstreams/mirror-http.ts'
import { COUNT, PROMPT, RESOURCE, RESULTS, TEMPLATE, TOOL } from '../support/upstreams/mirror-server.ts'
import type { HttpUpstream } from '../support/upstreams/sample-http.ts'

const SERVERS = ['legacy-stdio', 'modern-stdio', 'legacy-http', 'modern-http'] as const
const ERAS = ['legacy', 'modern'] as const

let legacy: HttpUpstream
let modern: HttpUpstream
let gateway: TestGateway
let token: string

beforeAll(async () => {
  legacy = await mirrorHttp('legacy')
  modern = await mirrorHttp('modern')
  const program = join(import.meta.dirname, '../support/upstreams/mirror-stdio.ts')
  const stdio = (era: string): Record<string, unknown> => ({
    transport: 'stdio',
    command: process.execPath,
    args: [program, era],
  })
  gateway = await startTestGateway({
    'legacy-stdio': stdio('legacy'),
    'modern-stdio': stdio('modern'),
    'legacy-http': { transport: 'streamable-http', url: legacy.url },
    'modern-http': { transport: 'streamable-http', url: modern.url, headers: { 'x-own': 'configured' } },
  })
  token = await gateway.token()
})

afterAll(async () => {
  await gateway.close()
  await Promise.all([legacy.close(), modern.close()])
})

const PARAMS = {
  x1: { y: [1, null] },
  _meta: {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'vendor.example/x2': { z: 2 },
  },
}

/** Each method that goes to a server, with parameters whose every level has fields that no revision knows. */
const REQUESTS: [string, Record<string, unknown>][] = [
  ['tools/call', { ...PARAMS, name: 'mirror', arguments: { a: 'x', deep: [{ x3: null }], n: 1.5 } }],
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
]

/** A result without what the last hop to a modern client adds. */
function withoutHop(result: Record<string, unknown> = {}): Record<string, unknown> {
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, _meta, ...rest } = result
  const { 'io.modelcontextprotocol/serverInfo': _info, ...meta } = (_meta ?? {}) as Record<string, unknown>
  return { ...rest, ...(Object.keys(meta).length > 0 && { _meta: meta }) }
}

async function listed(
  client: RawClient,
  method: string,
  key: string,
  value: string,
  member = 'name',
): Promise<unknown> {
  const { message } = await client.request(method)
  const items = message.result?.[key] as Record<string, unknown>[]
  return items.find((item) => item[member] === value)
}

/** All four servers have the same URIs; among all, the first by name keeps its own. */
function shownUri(server: string, uri: string): string {
  return server === 'legacy-http' ? uri : `${server}+${uri}`
}

describe.each(ERAS)('to a %s client', (era) => {
  describe.each(SERVERS)('of the server %s', (server) => {
    test('a definition differs only in its prefixed name or URI, and alone in nothing', async () => {
      const all = await rawClient(era, gateway.url, token)
      const alone = await rawClient(era, gateway.url, token, `/mcp/${server}`)
      const prefixed = { tool: `${server}_mirror`, prompt: `${server}_greet` }
      expect(await listed(all, 'tools/list', 'tools', prefixed.tool)).toEqual({
        ...TOOL,
        name: prefixed.tool,
      })
      expect(await listed(all, 'prompts/list', 'prompts', prefixed.prompt)).toEqual({
        ...PROMPT,
        name: prefixed.prompt,
      })
      expect(await listed(alone, 'tools/list', 'tools', 'mirror')).toEqual(TOOL)
      expect(await listed(alone, 'prompts/list', 'prompts', 'greet')).toEqual(PROMPT)
      const uri = shownUri(server, 'mirror://a')
      expect(await listed(all, 'resources/list', 'resources', uri, 'uri')).toEqual({ ...RESOURCE, uri })
      const uriTemplate = shownUri(server, 'mirror://{id}')
      expect(
        await listed(all, 'resources/templates/list', 'resourceTemplates', uriTemplate, 'uriTemplate'),
      ).toEqual({ ...TEMPLATE, uriTemplate })
      expect(await listed(alone, 'resources/list', 'resources', 'a')).toEqual(RESOURCE)
      expect(await listed(alone, 'resources/templates/list', 'resourceTemplates', 'any')).toEqual(TEMPLATE)
    })

    test.each(REQUESTS)(
      'a result of %s, and the parameters that reach the server',
      async (method, params) => {
        const client = await rawClient(era, gateway.url, token, `/mcp/${server}`)
        const { message } = await client.request(method, params)
        expect(withoutHop(message.result)).toEqual({
          ...RESULTS[method],
          _meta: { 'mirror/received': params, x9: { y: 9 } },
        })
      },
    )

    test.each([
      ['tools/call', { name: `${server}_mirror`, x1: 1 }, { name: 'mirror', x1: 1 }],
      ['prompts/get', { name: `${server}_greet`, x1: 1 }, { name: 'greet', x1: 1 }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: `${server}_greet`, x1: 1 }, argument: { name: 'who', value: '' } },
        { ref: { type: 'ref/prompt', name: 'greet', x1: 1 }, argument: { name: 'who', value: '' } },
      ],
    ])(
      '%s reaches the server with its own name in place of the prefixed one',
      async (method, params, own) => {
        const client = await rawClient(era, gateway.url, token)
        const { message } = await client.request(method, params)
        expect(withoutHop(message.result)).toEqual({
          ...RESULTS[method],
          _meta: { 'mirror/received': own, x9: { y: 9 } },
        })
      },
    )
  })
})

test.each([
  ['modern', { type: 'array' }, [1, 2]],
  [
    'legacy',
    { type: 'object', properties: { result: { type: 'array' } }, required: ['result'] },
    { result: [1, 2] },
  ],
] as const)(
  'structured content that is no object comes to a %s client in the form that its schema has there',
  async (era, outputSchema, structuredContent) => {
    const client = await rawClient(era, gateway.url, token)
    const name = 'modern-http_count'
    expect(await listed(client, 'tools/list', 'tools', name)).toEqual({ ...COUNT, name, outputSchema })
    const { message } = await client.request('tools/call', { name, arguments: {} })
    expect(withoutHop(message.result)).toEqual({ content: [], structuredContent })
  },
)

test.each(ERAS)('what a %s client says about itself stays at the gateway', async (era) => {
  const headers = {
    cookie: 'session=stolen',
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-host': 'evil.example',
    'x-tenant-id': 'other',
    'x-api-key': 'secret-of-the-client',
    forwarded: 'for=203.0.113.7',
  }
  for (const name of ['legacy-http_mirror', 'modern-http_mirror']) {
    const client = await rawClient(era, gateway.url, token)
    const { message } = await client.request('tools/call', { name, arguments: {} }, { headers })
    expect(message.result).toBeDefined()
  }
  const received = [...legacy.seen, ...modern.seen].map((request) => request.headers)
  expect(modern.seen.at(-1)?.headers['x-own']).toBe('configured')
  const text = JSON.stringify(received)
  expect(text).not.toContain(token)
  expect(text).not.toMatch(
    /stolen|203\.0\.113|evil\.example|secret-of-the-client|"authorization"|x-tenant-id/,
  )
})
