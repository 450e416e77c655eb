import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { eventually } from '../support/eventually.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

const TEXT = Array.from({ length: 100_000 }, (_, at) => `line ${at}`.padEnd(41, '.')).join('\n')
const TOOLS = ['dump', 'small', 'plain'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
  outputSchema: { type: 'object' },
}))

let upstream: Server
let app: TestApp
let ann: string

beforeAll(async () => {
  upstream = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { id, method, params } = JSON.parse(body === '' ? '{}' : body) as {
        id?: number
        method?: string
        params: JsonObject
      }
      if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end()
      const text = params?.['name'] === 'small' ? 'small' : TEXT
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 'x', version: '1' },
        },
        'tools/list': { tools: TOOLS },
        'tools/call': { content: [{ type: 'text', text }], structuredContent: { text } },
      }
      const result = results[method ?? '']
      const answer = result === undefined ? { error: { code: -32_601, message: 'no' } } : { result }
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const address = upstream.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/mcp`
  const preview = { aboveTokens: 2000 }
  app = await openTestApp({
    files: {
      transport: 'streamable-http',
      url,
      tools: { dump: { preview, untrusted: true }, small: { preview } },
    },
  })
  ann = await app.token({ roles: ['reader'] })
  await eventually(
    async () => ((await app.rest(ann, 'GET', '/v1/tools')).body['tools'] as unknown[]).length === 3,
  )
})
afterAll(async () => {
  await app.close()
  upstream.close()
  upstream.closeAllConnections()
})

interface Result extends JsonObject {
  readonly content: { type: string; text?: string; uri?: string }[]
}

async function call(tool: string, token = ann): Promise<Result> {
  const { body } = await app.rest(token, 'POST', `/v1/tools/files_${tool}`, { arguments: {} })
  return body as Result
}

async function read(
  uri: string,
  token = ann,
): Promise<{ status: number; text: string | undefined; code: unknown }> {
  const { status, body } = await app.rest(token, 'GET', `/v1/resources?uri=${encodeURIComponent(uri)}`)
  const contents = (body['contents'] ?? []) as { text: string }[]
  return { status, text: contents[0]?.text, code: body['code'] }
}

async function link(token = ann): Promise<string> {
  return (await call('dump', token)).content.find(({ type }) => type === 'resource_link')?.uri ?? ''
}

describe('a result of 4 MB', () => {
  test('comes back as a preview within the limit, marked as untrusted, with a link', async () => {
    const result = await call('dump')
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(8200)
    const [preview, whole] = result.content
    expect(preview?.text).toMatch(/^line 0\.[^]*are left out here[^]*line 99999\.+$/)
    expect(whole?.uri).toMatch(/^tool-gateway:\/\/results\/files\/[\w-]{24}$/)
    expect(result['_meta']).toMatchObject({
      'tool-gateway/untrusted': true,
      'tool-gateway/preview': { bytes: 4_199_999 },
    })
    expect(result).not.toHaveProperty('structuredContent')
  })

  test('can be read by its caller, whole or in part', async () => {
    const uri = await link()
    expect((await read(uri)).text === TEXT).toBe(true)
    expect(await read(`${uri}?from=42&length=6`)).toMatchObject({ status: 200, text: 'line 1' })
  })

  test('is written as JSON once when it is read', async () => {
    const uri = await link()
    const { stringify } = JSON
    let written = 0
    JSON.stringify = (value: unknown) => {
      const text = stringify(value)
      if (text.length > 4_000_000) written += 1
      return text
    }
    try {
      expect((await read(uri)).text === TEXT).toBe(true)
    } finally {
      JSON.stringify = stringify
    }
    expect(written).toBe(1)
  })

  test('cannot be read by anybody else, and the answer is that of a resource that does not exist', async () => {
    const uri = await link()
    const others = [
      { subject: 'bob' },
      { tenantId: 'globex' },
      { roles: ['reader', 'operator'] },
      { agent: 'other' },
    ]
    for (const who of others) {
      const token = await app.token({ roles: ['reader'], ...who })
      const unknown = uri.replace(/[^/]{24}$/, 'a'.repeat(24))
      const [one, other] = [await read(uri, token), await read(unknown, token)]
      expect([one.status, one.code, one.text]).toEqual([404, 'resource_not_found', undefined])
      expect([other.status, other.code]).toEqual([404, 'resource_not_found'])
    }
  })

  test('cannot be read any more by who may no longer call the tool', async () => {
    const uri = await link()
    const catalog = app.servers.catalog
    const before = catalog.snapshot
    const [key = '', server] = [...before.servers].find(([, { name }]) => name === 'files') ?? []
    const closed = { ...server, tools: { dump: { requiredRoles: ['boss'] } } } as typeof server & object
    catalog.applySnapshot({ ...before, servers: new Map([...before.servers, [key, closed]]) })
    expect(await read(uri)).toMatchObject({ status: 404, code: 'resource_not_found' })
    catalog.applySnapshot(before)
    expect((await read(uri)).status).toBe(200)
  })
})

test('a result below the limit, and one of a tool without a limit, comes back as it is', async () => {
  expect(await call('small')).toMatchObject({
    content: [{ text: 'small' }],
    structuredContent: { text: 'small' },
  })
  expect((await call('plain')).content[0]?.text === TEXT).toBe(true)
})

test('a tool whose results may be previews promises no structure', async () => {
  const { body } = await app.rest(ann, 'GET', '/v1/tools')
  const tools = body['tools'] as { id: string }[]
  expect(tools.map((tool) => [tool.id, 'outputSchema' in tool])).toEqual([
    ['files_dump', false],
    ['files_plain', true],
    ['files_small', false],
  ])
})
