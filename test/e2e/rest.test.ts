import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let token: string

beforeAll(async () => {
  gateway = await startTestGateway({ everything }, { env: { MAX_BODY_BYTES: '20000' } })
  token = await gateway.token()
})

afterAll(() => gateway.close())

describe('/v1/tools', () => {
  test('lists the tools in pages that together hold each tool once', async () => {
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await gateway.rest(token, 'GET', `/v1/tools?limit=5${cursor && `&cursor=${cursor}`}`)
      seen.push(...(body['tools'] as { id: string }[]).map(({ id }) => id))
      cursor = (body['nextCursor'] as string | undefined) ?? ''
    } while (cursor !== '')
    expect(seen).toContain('everything_echo')
    expect(seen).toEqual([...new Set(seen)].toSorted())
  })

  test('finds tools by the words of their names and descriptions', async () => {
    const { body } = await gateway.rest(token, 'GET', '/v1/tools?query=SUM%20numbers')
    expect((body['tools'] as { id: string }[]).map(({ id }) => id)).toEqual(['everything_get-sum'])
  })

  test('describes one tool with its schemas', async () => {
    const { status, body } = await gateway.rest(token, 'GET', '/v1/tools/everything_get-sum')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      id: 'everything_get-sum',
      server: 'everything',
      name: 'everything_get-sum',
      inputSchema: { type: 'object', required: ['a', 'b'] },
    })
  })

  test('calls a tool', async () => {
    const { status, body } = await gateway.rest(token, 'POST', '/v1/tools/everything_get-sum', {
      arguments: { a: 20, b: 22 },
    })
    expect(status).toBe(200)
    expect(body).toEqual({ content: [{ type: 'text', text: 'The sum of 20 and 22 is 42.' }], isError: false })
  })

  test('streams progress and then the result to a caller that asks for events', async () => {
    const response = await fetch(`${gateway.url}/v1/tools/everything_trigger-long-running-operation`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ arguments: { duration: 0.4, steps: 2 } }),
    })
    const text = await response.text()
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(text.match(/^event: .*$/gm)).toEqual(['event: progress', 'event: progress', 'event: result'])
    expect(text).toContain('"progress":1,"total":2')
    expect(text).toContain('Long running operation completed')
  })
})

describe('resources and prompts', () => {
  test('are listed, read and got', async () => {
    const listed = await gateway.rest(token, 'GET', '/v1/resources?limit=1000')
    expect(listed.body['resources']).toContainEqual(
      expect.objectContaining({ server: 'everything', uri: 'demo://resource/static/document/features.md' }),
    )
    expect((listed.body['resourceTemplates'] as unknown[]).length).toBe(2)
    const read = await gateway.rest(
      token,
      'GET',
      '/v1/resources?uri=demo%3A%2F%2Fresource%2Fdynamic%2Ftext%2F3',
    )
    expect(read.body['contents']).toEqual([
      expect.objectContaining({ uri: 'demo://resource/dynamic/text/3' }),
    ])
    const prompts = await gateway.rest(token, 'GET', '/v1/prompts')
    expect(prompts.body['prompts']).toContainEqual(expect.objectContaining({ id: 'everything_args-prompt' }))
    const prompt = await gateway.rest(token, 'POST', '/v1/prompts/everything_args-prompt', {
      arguments: { city: 'Rome' },
    })
    expect(JSON.stringify(prompt.body['messages'])).toContain('Rome')
  })

  test('that nobody has are the documented problem', async () => {
    const resource = await gateway.rest(token, 'GET', '/v1/resources?uri=nosuch%3A%2F%2Fx')
    expect(resource).toMatchObject({
      status: 404,
      body: { code: 'resource_not_found', detail: 'Unknown resource: nosuch://x' },
    })
    const prompt = await gateway.rest(token, 'POST', '/v1/prompts/nosuch', {})
    expect(prompt).toMatchObject({ status: 404, body: { code: 'prompt_not_found' } })
  })
})

describe('what is wrong with a request is said as problem+json', () => {
  test('an unknown tool', async () => {
    const answer = await gateway.rest(token, 'POST', '/v1/tools/everything_nope', { arguments: {} })
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(answer.body).toEqual({
      type: `${gateway.url}/errors/tool_not_found`,
      title: 'Unknown tool',
      status: 404,
      detail: 'Unknown tool: everything_nope',
      code: 'tool_not_found',
      retryable: false,
      requestId: answer.headers.get('x-request-id'),
    })
  })

  test('arguments that do not fit the schema, every one of them', async () => {
    const { status, body } = await gateway.rest(token, 'POST', '/v1/tools/everything_get-sum', {
      arguments: { a: 'x' },
    })
    expect(status).toBe(422)
    expect(body).toMatchObject({
      code: 'invalid_arguments',
      problems: ["arguments must have required property 'b'", 'arguments.a must be number'],
    })
  })

  test.each([
    ['a body that is not JSON', '{"arguments":', 400, 'invalid_request'],
    ['a body with unknown fields', '{"args":{}}', 400, 'invalid_request'],
    [
      'a body that is too large',
      JSON.stringify({ arguments: { message: 'x'.repeat(30_000) } }),
      413,
      'payload_too_large',
    ],
  ])('%s', async (_what, body, status, code) => {
    const answer = await gateway.rest(token, 'POST', '/v1/tools/everything_echo', body)
    expect(answer).toMatchObject({ status, body: { status, code } })
  })

  test.each([
    ['a cursor that is none of ours', '/v1/tools?cursor=abc', 400, 'invalid_cursor'],
    ['a page size out of bounds', '/v1/tools?limit=0', 400, 'invalid_request'],
    ['an encoded path that would leave the tools', '/v1/tools/..%2f..%2fetc', 404, 'tool_not_found'],
    ['a path that is not valid UTF-8', '/v1/tools/%ff', 400, 'invalid_request'],
  ])('%s', async (_what, path, status, code) => {
    expect(await gateway.rest(token, 'GET', path)).toMatchObject({ status, body: { status, code } })
  })
})

test('health tells the state of the servers that the caller may see, and of no other', async () => {
  expect(await gateway.rest(token, 'GET', '/health')).toMatchObject({
    status: 200,
    body: { status: 'ok', servers: [{ name: 'everything', state: 'ready' }] },
  })
  expect(await gateway.rest(token, 'GET', '/health/everything')).toMatchObject({
    status: 200,
    body: { state: 'ready' },
  })
  const stranger = await gateway.token({ tenantId: 'other' })
  expect(await gateway.rest(stranger, 'GET', '/health')).toMatchObject({ status: 200, body: { servers: [] } })
  expect(await gateway.rest(stranger, 'GET', '/health/everything')).toMatchObject({
    status: 404,
    body: { code: 'server_not_found' },
  })
})

test('a call with arguments that do not fit is recorded and counted like any other', async () => {
  await gateway.rest(
    token,
    'POST',
    '/v1/tools/everything_get-sum',
    { arguments: {} },
    { 'x-request-id': 'bad-args' },
  )
  await gateway.rest(
    token,
    'POST',
    '/v1/prompts/everything_args-prompt',
    {},
    { 'x-request-id': 'bad-prompt' },
  )
  const auditor = await gateway.token({ roles: ['auditor'] })
  const records = await eventually(async () => {
    const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?outcome=error')
    const found = (body['records'] as Record<string, unknown>[]).filter(({ requestId }) =>
      String(requestId).startsWith('bad-'),
    )
    return found.length === 2 && found
  })
  expect(records.map(({ requestId, code, effect }) => [requestId, code, effect])).toEqual([
    ['bad-prompt', 'invalid_arguments', 'allow'],
    ['bad-args', 'invalid_arguments', 'allow'],
  ])
})

test('every call is one record of its tenant, without arguments or results, and counted', async () => {
  const secret = 'do-not-store-this'
  await gateway.rest(
    token,
    'POST',
    '/v1/tools/everything_echo',
    { arguments: { message: secret } },
    { 'x-request-id': 'req-1' },
  )
  const auditor = await gateway.token({ roles: ['auditor'] })
  const record = await eventually(async () => {
    const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?target=everything_echo')
    return (body['records'] as Record<string, unknown>[]).find(({ requestId }) => requestId === 'req-1')
  })
  expect(record).toMatchObject({
    tenantId: 'local',
    subject: 'ann',
    agent: null,
    face: 'rest',
    action: 'call',
    server: 'everything',
    effect: 'allow',
    ruleId: 'allow',
    outcome: 'ok',
    code: null,
    requestBytes: 31,
    argumentsDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(JSON.stringify(record)).not.toContain(secret)
  const foreign = await gateway.token({ roles: ['auditor'], tenantId: 'other' })
  expect((await gateway.rest(foreign, 'GET', '/v1/audit')).body['records']).toEqual([])
  const metrics = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  expect(metrics).toMatch(/^gateway_calls\S*\{.*action="call".*outcome="ok".*server="everything".*\} \d+/m)
})
