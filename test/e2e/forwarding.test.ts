import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let token: string
let nobody: string

beforeAll(async () => {
  gateway = await startTestGateway({ everything })
  token = await gateway.token()
  nobody = await gateway.token({ subject: 'nora', roles: [] })
})

afterAll(() => gateway.close())

type Answer = Awaited<ReturnType<TestGateway['rest']>>

const post = (path: string, body: unknown, as = token): Promise<Answer> =>
  gateway.rest(as, 'POST', path, body)

describe('POST /mcp/{server}/{method}', () => {
  test('makes one request to one server, with the parameters as the body', async () => {
    const answer = await post('/mcp/everything/tools/call', { name: 'get-sum', arguments: { a: 20, b: 22 } })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        jsonrpc: '2.0',
        id: null,
        result: { content: [{ type: 'text', text: 'The sum of 20 and 22 is 42.' }] },
      },
    })
  })

  test('takes a whole JSON-RPC request, too, and gives its id back', async () => {
    const params = { name: 'echo', arguments: { message: 'hi' }, _meta: { progressToken: 1 } }
    const message = { jsonrpc: '2.0', id: 7, method: 'tools/call', params }
    expect((await post('/mcp/everything/tools/call', message)).body).toEqual({
      jsonrpc: '2.0',
      id: 7,
      result: { content: [{ type: 'text', text: 'Echo: hi' }] },
    })
    const other = await post('/mcp/everything/tools/list', message)
    expect(other).toMatchObject({
      status: 400,
      body: { id: 7, error: { data: { code: 'invalid_request' } } },
    })
  })

  test('lists, reads and pings', async () => {
    const tools = await post('/mcp/everything/tools/list', {})
    expect(tools.body).toMatchObject({
      result: { tools: expect.arrayContaining([expect.objectContaining({ name: 'echo' })]) },
    })
    const templates = await post('/mcp/everything/resources/templates/list', undefined)
    expect(templates.body).toMatchObject({ result: { resourceTemplates: expect.any(Array) } })
    const read = await post('/mcp/everything/resources/read', { uri: 'demo://resource/dynamic/text/3' })
    expect(read.body).toMatchObject({ result: { contents: [{ uri: 'demo://resource/dynamic/text/3' }] } })
    expect((await post('/mcp/everything/ping', {})).body).toEqual({ jsonrpc: '2.0', id: null, result: {} })
  })

  test.each([
    ['/mcp/everything/tools/call', { name: 'nope' }, 404, 'tool_not_found'],
    ['/mcp/everything/tools/call', { name: 'everything_echo' }, 404, 'tool_not_found'],
    ['/mcp/everything/tools/call', { name: 'echo', arguments: 1 }, 422, 'invalid_arguments'],
    ['/mcp/everything/tools/sell', {}, 404, 'method_not_found'],
    ['/mcp/everything/initialize/now', {}, 404, 'method_not_found'],
    ['/mcp/nope/tools/list', {}, 404, 'server_not_found'],
    ['/mcp/everything/tools/list', [], 400, 'invalid_request'],
  ])('%s with %j is a JSON-RPC error', async (path, body, status, code) => {
    expect(await post(path, body)).toMatchObject({
      status,
      body: { jsonrpc: '2.0', error: { data: { code } } },
    })
  })

  test('lets nobody do what is not allowed elsewhere, and records what was done', async () => {
    const denied = await post(
      '/mcp/everything/tools/call',
      { name: 'echo', arguments: { message: 'x' } },
      nobody,
    )
    expect(denied).toMatchObject({ status: 404, body: { error: { data: { code: 'server_not_found' } } } })
    expect((await gateway.rest(undefined, 'POST', '/mcp/everything/tools/list', {})).status).toBe(401)
    const auditor = await gateway.token({ roles: ['auditor'] })
    const done = await post('/mcp/everything/tools/call', { name: 'echo', arguments: { message: 'x' } })
    const { body } = await gateway.rest(auditor, 'GET', '/v1/audit')
    expect(body['records']).toContainEqual(
      expect.objectContaining({
        requestId: done.headers.get('x-request-id'),
        server: 'everything',
        face: 'rest',
      }),
    )
  })

  test('is the only method of these paths', async () => {
    const answer = await gateway.rest(token, 'GET', '/mcp/everything/tools/list')
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'POST',
    })
  })
})

test('/servers is another name of /v1/servers', async () => {
  const operator = await gateway.token({ roles: ['operator'] })
  const one = await gateway.rest(operator, 'GET', '/servers')
  expect(one).toMatchObject({ status: 200, body: { servers: [{ name: 'everything', state: 'ready' }] } })
  expect((await gateway.rest(operator, 'GET', '/servers/everything')).body).toMatchObject({
    name: 'everything',
  })
  expect((await gateway.rest(token, 'GET', '/servers')).body).toMatchObject({ code: 'forbidden' })
})
