import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { scriptedServer, type ScriptedServer } from '../../support/direct-path/scripted-http.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../../support/start-gateway.ts'

let server: ScriptedServer
let closed: ScriptedServer
let gateway: TestGateway
let token: string
const sockets: Socket[] = []

beforeAll(async () => {
  server = await scriptedServer('modern')
  closed = await scriptedServer('modern')
  const usual = { tenantId: 'local', transport: 'streamable-http', era: 'modern' }
  gateway = await startTestGateway(
    {
      new: { ...usual, url: server.url },
      closed: { ...usual, url: closed.url, requiredRoles: ['nobody'] },
    },
    { env: { MAX_BODY_BYTES: '2048' } },
  )
  token = await gateway.token()
  await gateway.rest(token, 'GET', '/v1/tools')
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

afterAll(async () => {
  await gateway.close()
  await server.close()
  await closed.close()
})

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  /** Express writes the names of headers with capitals. */
  readonly isDirect: boolean
}

function post(
  body: string | Buffer,
  {
    tool = 'new_plain',
    headers = {},
    as = token,
  }: { tool?: string; headers?: Record<string, string>; as?: string } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const sent = httpRequest(`${gateway.url}/v1/tools/${tool}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${as}`,
      'content-type': 'application/json',
      ...(headers['transfer-encoding'] === undefined && {
        'content-length': String(Buffer.byteLength(body)),
      }),
      ...headers,
    },
  })
  sent.on('error', reject).on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>,
        isDirect: response.rawHeaders.includes('content-type'),
      }),
    )
  })
  sent.end(body)
  return promise
}

test('a tool that is denied is answered on the same path as one that does not exist', async () => {
  for (const tool of ['closed_plain', 'absent_plain']) {
    const { status, isDirect } = await post('{}', { tool })
    expect([status, isDirect]).toEqual([404, false])
  }
})

async function open(): Promise<Socket> {
  const socket = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1' })
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

function textOf(body: string, tool = 'new_plain', headers = ''): string {
  return `POST /v1/tools/${tool} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
}

describe('a plain call', () => {
  test.each([
    ['with arguments', '{"arguments":{"a":"é"}}'],
    ['without', '{}'],
    ['with null for arguments', '{"arguments":null}'],
  ])('takes the direct path %s', async (_what, body) => {
    expect(await post(body)).toMatchObject({ status: 200, body: { isError: false }, isDirect: true })
  })

  test('takes it however its body is cut', async () => {
    const socket = await open()
    const whole = Buffer.from(textOf('{"arguments":{"a":"é"}}', 'new_plain', 'connection: close\r\n'))
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    // The last of these begins in the middle of a character.
    const pieces = [whole.subarray(0, -21), whole.subarray(-21, -4), whole.subarray(-4)]
    for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve))
    await once(socket, 'close')
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\nx-request-id/)
  })

  test('is answered once, in its order, where several are sent at once', async () => {
    const socket = await open()
    let answers = ''
    socket.on('data', (chunk: Buffer) => (answers += chunk.toString()))
    const tools = ['new_plain', 'new_unknown', 'new_plain', 'new_http500', 'new_plain']
    socket.write(
      tools.map((tool) => textOf('{}', tool)).join('') + textOf('{', 'new_plain', 'connection: close\r\n'),
    )
    await once(socket, 'close')
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(
      ['200', '404', '200', '502', '200', '400'].map((status) => `HTTP/1.1 ${status}`),
    )
  })
})

test.each([
  ['not JSON', '{"arguments":', 400, 'invalid_request'],
  ['not UTF-8', Buffer.from('{"arguments":{"a":"\xff"}}', 'latin1'), 400, 'invalid_request'],
  ['too deep', `{"arguments":{"a":${'['.repeat(200)}${']'.repeat(200)}}}`, 400, 'invalid_request'],
  ['a list', '[]', 400, 'invalid_request'],
  ['another member', '{"argumentz":{}}', 400, 'invalid_request'],
  ['arguments that are no object', '{"arguments":[]}', 400, 'invalid_request'],
  ['larger than allowed', `{"arguments":{"a":"${'x'.repeat(3000)}"}}`, 413, 'payload_too_large'],
])('a body that is %s is refused as ever', async (_what, body, status, code) => {
  const before = server.take().length
  expect(await post(body)).toMatchObject({ status, body: { code }, isDirect: false })
  expect([before, server.take().length]).toEqual([before, 0])
})

test.each<[string, Parameters<typeof post>[1], number]>([
  ['whose body comes in chunks', { headers: { 'transfer-encoding': 'chunked' } }, 200],
  ['of an unknown tool', { tool: 'new_unknown' }, 404],
  ['with another host', { headers: { host: 'evil.example' } }, 403],
  ['with a wrong token', { as: 'a.b.c' }, 401],
])('a request %s is for Express', async (_what, how, status) => {
  expect(await post('{}', how)).toMatchObject({ status, isDirect: false })
})

test('a token takes the direct path once it has been verified', async () => {
  const as = await gateway.token({ subject: 'bob' })
  expect(await post('{}', { as })).toMatchObject({ status: 200, isDirect: false })
  expect(await post('{}', { as })).toMatchObject({ status: 200, isDirect: true })
})

describe('a client that goes away', () => {
  test('ends its call, which is recorded as cancelled', async () => {
    const socket = await open()
    socket.write(textOf('{}', 'new_hold', 'x-request-id: gone\r\n'))
    await eventually(() => server.held() === 1)
    socket.destroy()
    await eventually(() => server.held() === 0)
    const auditor = await gateway.token({ roles: ['auditor'] })
    const record = await eventually(async () => {
      const { body } = await gateway.rest(auditor, 'GET', '/v1/audit')
      return (body['records'] as Record<string, unknown>[]).find(({ requestId }) => requestId === 'gone')
    })
    expect(record).toMatchObject({ outcome: 'cancelled', code: 'cancelled', target: 'new_hold' })
  })

  test('before its body is there has called nothing', async () => {
    server.take()
    const socket = await open()
    await new Promise((resolve) => socket.write(textOf('{"arguments":{}}').slice(0, -1), resolve))
    socket.destroy()
    expect((await post('{}')).status).toBe(200)
    expect(server.take()).toHaveLength(1)
  })
})
