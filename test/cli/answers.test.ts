import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { run } from '../../src/cli/program.ts'

/** What a gateway answers, by method and path without query. */
type Answers = Record<string, { status?: number; headers?: Record<string, string>; body: unknown }>

let server: Server
let url: string
let answers: Answers = {}
let asked: { path: string; authorization: string | undefined }[] = []

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? ''
    asked.push({ path, authorization: request.headers.authorization })
    const {
      status = 200,
      headers = {},
      body,
    } = answers[`${request.method ?? ''} ${path.replace(/\?.*/, '')}`] ?? {
      status: 404,
      body: { code: 'not_found', title: 'Not found' },
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => new Promise((resolve) => server.close(resolve)))

beforeEach(() => {
  answers = {}
  asked = []
})

async function tg(
  argv: string[],
  options: { columns?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    env: { TOOL_GATEWAY_TOKEN: 'x', TOOL_GATEWAY_URL: url, ...options.env },
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
    ...(options.columns !== undefined && { columns: options.columns }),
  })
  return { code, out, err }
}

const jwt = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const refused = (status: number, code: string, detail: string, more = {}): Answers[string] => ({
  status,
  body: { code, title: 'A title', detail, ...more },
})

const ESCAPES = '\u001b]0;owned\u0007\u001b[2J\u202e\u{e0041}'

describe('what strangers wrote cannot steer the terminal', () => {
  const tool = { id: 'a_b', description: `\n ${ESCAPES}says\r\nmore` }
  const list = { tools: [tool], missingServers: [`m${ESCAPES}`], staleServers: [] }

  test('in a list of tools', async () => {
    answers = { 'GET /v1/tools': { body: list } }
    expect(await tg(['tools', 'list'], { columns: 80 })).toEqual({
      code: 0,
      out: 'NAME  DESCRIPTION\na_b   ]0;owned[2Jsays\n',
      err: 'missing from the list, because they are unavailable: m]0;owned[2J\n',
    })
    expect((await tg(['tools', 'list'])).out).toBe('a_b\t]0;owned[2Jsays\n')
  })

  test('in results, at a terminal and in a pipe; JSON has escapes for it and loses nothing', async () => {
    answers = { 'POST /v1/tools/a_b': { body: { content: [{ type: 'text', text: `a${ESCAPES}\n\tb` }] } } }
    expect((await tg(['tools', 'call', 'a_b'], { columns: 80 })).out).toBe('a]0;owned[2J\n\tb\n')
    expect((await tg(['tools', 'call', 'a_b'])).out).toBe('a]0;owned[2J\n\tb\n')
    const json = (await tg(['tools', 'call', 'a_b', '--json'])).out
    expect(json).not.toMatch(/[^\P{C}\n\t]/u)
    expect(JSON.parse(json)).toEqual({ content: [{ type: 'text', text: `a${ESCAPES}\n\tb` }] })
  })

  test('in what a server said while it was inspected', async () => {
    const transcript = [{ atMs: 1, what: 'received', text: `x${ESCAPES}`, message: { error: ESCAPES } }]
    const found = {
      isOk: false,
      step: 'x',
      durationMs: 1,
      error: ESCAPES,
      transcript,
      output: [{ text: ESCAPES }],
    }
    answers = { 'POST /v1/servers/s/inspect': { body: found } }
    const { out, err } = await tg(['servers', 'inspect', 's', '--messages'], { columns: 80 })
    expect(out + err).not.toMatch(/[^\P{C}\n\t]/u)
  })

  test('in logs and in errors', async () => {
    answers = {
      'GET /v1/servers/s/logs': { headers: { 'content-type': 'text/plain' }, body: `a${ESCAPES}\n` },
      'GET /v1/tools': refused(500, 'internal', ESCAPES),
    }
    expect((await tg(['servers', 'logs', 's'], { columns: 80 })).out).toBe('a]0;owned[2J\n')
    expect((await tg(['tools', 'list'])).err).toBe('tool-gateway: internal: ]0;owned[2J\n')
  })
})

test('the error of a server is printed with what the server said', async () => {
  const upstream = { code: -32_000, message: `no such\nticket${ESCAPES}` }
  answers = {
    'POST /v1/tools/a_b': refused(502, 'upstream_error', 'Server a returned an error', { upstream }),
  }
  expect((await tg(['tools', 'call', 'a_b'])).err).toBe(
    'tool-gateway: upstream_error: Server a returned an error\n  it said: no such ticket]0;owned[2J\n',
  )
})

describe('an empty list', () => {
  const page = { tools: [], missingServers: [], staleServers: [] }

  test('of tools says whose roles it is for, and which servers ask for others', async () => {
    answers = {
      'GET /v1/tools': { body: page },
      'GET /v1/servers': {
        body: { servers: [{ name: 'tickets', state: 'ready', requiredRoles: ['support'] }], quarantined: [] },
      },
    }
    expect(await tg(['tools', 'list', '--token', jwt({ roles: ['reader'] })])).toEqual({
      code: 0,
      out: '',
      err: 'no tools for this token, which has the roles reader\n  tickets: ready, needs support\n',
    })
  })

  test('of usage records says so', async () => {
    answers = { 'GET /v1/audit': { body: { records: [] } } }
    const err = 'no usage record is there, or none fits the options\n'
    expect(await tg(['audit', '--target', 'memory'])).toEqual({ code: 0, out: '', err })
  })

  test('of servers says so, and stays empty for programs', async () => {
    answers = { 'GET /v1/servers': { body: { servers: [], quarantined: [] } } }
    const { code, out, err } = await tg(['servers', 'list'])
    expect([code, out]).toEqual([0, ''])
    expect(err).toMatch(/^there are no servers: /)
  })
})

describe('a refusal says what to do', () => {
  const local = { iss: 'urn:tool-gateway:local', tenant_id: 'acme', roles: ['reader'] }

  test.each<[string, object, Answers[string], string]>([
    [
      'a missing role of a token made here',
      local,
      refused(403, 'forbidden', 'This needs the role operator'),
      'The token has the role reader. Make one that has it: tool-gateway token --tenant acme --roles reader,operator\n',
    ],
    [
      'a missing role of a token of an identity provider',
      { iss: 'https://idp.example', roles: [] },
      refused(403, 'forbidden', 'This needs the role operator'),
      'The token has no role. Roles come from the issuer of the token.\n',
    ],
    [
      'an expired token',
      local,
      refused(401, 'invalid_token', 'The token has expired.'),
      'Make a new one: tool-gateway token --tenant acme --roles reader\n',
    ],
    [
      'a token of another gateway',
      local,
      refused(401, 'invalid_token', 'The token is signed with a key that its issuer does not publish.'),
      'It was made with the key of another gateway: create one where DATA_DIR is the data directory of this gateway (tool-gateway token --tenant acme --roles reader).\n',
    ],
    [
      'roles that are no words for a shell',
      { ...local, tenant_id: 'a; rm', roles: ['$(x)'] },
      refused(403, 'forbidden', 'This needs the role operator'),
      'The token has no role. Make one that has it: tool-gateway token --roles operator\n',
    ],
  ])('%s', async (_what, claims, answer, advice) => {
    answers = { 'GET /v1/servers': answer }
    const { code, err } = await tg(['servers', 'list', '--token', jwt(claims)])
    expect(code).toBe(77)
    expect(err.split('\n').slice(1).join('\n')).toBe(advice)
  })

  test('a limit says when to try again', async () => {
    answers = {
      'POST /v1/tools/a': refused(429, 'too_many_requests', 'Too many', { retryAfterMs: 2340 }),
      'POST /v1/tools/b': {
        ...refused(429, 'too_many_requests', 'Too many'),
        headers: { 'retry-after': '7' },
      },
    }
    expect((await tg(['tools', 'call', 'a'])).err).toBe(
      'tool-gateway: too_many_requests: Too many (try again in 2.4 s)\n',
    )
    expect((await tg(['tools', 'call', 'b'])).err).toBe(
      'tool-gateway: too_many_requests: Too many (try again in 7 s)\n',
    )
  })

  test('everything that is wrong with what was sent is listed', async () => {
    answers = {
      'POST /v1/tools/a': refused(422, 'invalid_arguments', 'Not valid', { problems: ['a: x', 'b: y'] }),
    }
    expect((await tg(['tools', 'call', 'a'])).err).toBe(
      'tool-gateway: invalid_arguments: Not valid\n  a: x\n  b: y\n',
    )
  })

  test.each([['a: x; b: y'], ['a: x; b']])('no problem is printed twice, also of "%s"', async (detail) => {
    answers = {
      'POST /v1/tools/a': refused(422, 'invalid_arguments', detail, { problems: ['a: x', 'b: y'] }),
    }
    expect((await tg(['tools', 'call', 'a'])).err).toBe(
      'tool-gateway: invalid_arguments: A title\n  a: x\n  b: y\n',
    )
  })

  test.each([
    ['grants list', '/v1/grants', 'grants', 'there are no grants'],
    ['grants clients', '/v1/clients', 'clients', 'no client has been asked for'],
    [
      'connections list',
      '/v1/connections',
      'connections',
      'there is no server where you can connect an account',
    ],
    ['connections list --tenant', '/v1/connections', 'connections', 'no account of the tenant is connected'],
    ['pipelines list', '/v1/pipelines', 'pipelines', 'no pipelines for this token'],
    ['resources list', '/v1/resources', 'resources', 'no resources for this token'],
    ['prompts list', '/v1/prompts', 'prompts', 'no prompts for this token'],
  ])('"%s" says that there is nothing, beside the output', async (line, path, key, none) => {
    answers = { [`GET ${path}`]: { body: { [key]: [] } } }
    expect(await tg(line.split(' '))).toEqual({ code: 0, out: '', err: `${none}\n` })
    expect((await tg([...line.split(' '), '--json'])).err).toBe('')
  })

  test('what is no gateway is asked about', async () => {
    answers = { 'GET /v1/tools': { headers: { 'content-type': 'text/html' }, body: '<html>' } }
    expect((await tg(['tools', 'list'])).err).toMatch(
      /answered with HTTP 200, but not with a JSON object; is it a Tool Gateway\?/,
    )
  })
})

describe('the address', () => {
  test.each([
    ['127.0.0.1:8080', 'did you mean http://127.0.0.1:8080?'],
    ['localhost:8080', 'did you mean http://localhost:8080?'],
    ['gateway.example.com', 'did you mean http://gateway.example.com?'],
    ['[::1]:8080', 'did you mean http://[::1]:8080?'],
    ['ftp://x', 'expected a URL as http://127.0.0.1:8080, got ftp://x'],
    ['', 'expected a URL'],
    ['http://', 'expected a URL'],
  ])('%p is refused with what was expected', async (text, message) => {
    const { code, err } = await tg(['tools', 'list', '--url', text])
    expect(code).toBe(64)
    expect(err).toContain(message)
  })

  test('says where a wrong one comes from', async () => {
    expect((await tg(['tools', 'list'], { env: { TOOL_GATEWAY_URL: 'x y' } })).err).toContain(
      'TOOL_GATEWAY_URL: ',
    )
    expect((await tg(['tools', 'list'], { env: { TOOL_GATEWAY_URL: '', PORT: 'http' } })).err).toContain(
      'PORT: ',
    )
  })

  test.each([
    ['/', '/v1/tools'],
    ['/mcp', '/v1/tools'],
    ['/gateway/', '/gateway/v1/tools'],
    ['/gateway/mcp', '/gateway/v1/tools'],
  ])('may have the path %p', async (path, expected) => {
    await tg(['tools', 'list', '--url', url + path])
    expect(asked.map((request) => request.path.replace(/\?.*/, ''))).toEqual([expected])
  })
})

test('a token that was pasted with what is around it is used, and one with a break inside is refused', async () => {
  await tg(['tools', 'list', '--token', ' abc\n'])
  expect(asked[0]?.authorization).toBe('Bearer abc')
  expect(await tg(['tools', 'list', '--token', 'a\nb'])).toMatchObject({ code: 64 })
})
