import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CommandResult, commandLine } from '../support/command-line.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const UPSTREAMS = join(import.meta.dirname, '../support/upstreams')
const program = (file: string, ...args: string[]): Record<string, unknown> => ({
  transport: 'stdio',
  command: process.execPath,
  args: [join(UPSTREAMS, file), ...args],
  era: 'legacy',
  clientCapabilities: [],
})

let gateway: TestGateway
let operator: string
let admin: string
let repaired: string
let documents: Record<string, Record<string, unknown>>

beforeAll(async () => {
  gateway = await startTestGateway({}, { wait: false })
  repaired = join(gateway.dataDir, 'repaired')
  const crash = `process.stderr.write('cannot go on without ' + process.env.API_KEY + '\\n');
    require('fs').existsSync(process.argv[1]) ? import(process.argv[2]) : process.exit(7)`
  documents = {
    good: program('raw-stdio.ts'),
    talks: { ...program('secret-stdio.ts'), env: { API_KEY: 'hunter2-hunter2' } },
    crashing: {
      ...program(''),
      args: ['-e', crash, repaired, join(UPSTREAMS, 'raw-stdio.ts')],
      env: { API_KEY: 'hunter2-hunter2' },
      lifecycle: { maxRestarts: 2 },
    },
    remote: {
      transport: 'streamable-http',
      url: 'http://127.0.0.1:1/mcp',
      headers: { 'x-key': 'hunter2-hunter2' },
    },
    off: { ...program('raw-stdio.ts'), enabled: false },
    wrong: { transport: 'stdio' },
    everybodys: { ...program('raw-stdio.ts'), tenantId: '*' },
  }
  await gateway.writeRegistry(documents)
  operator = await gateway.token({ roles: ['reader', 'operator'] })
  admin = await gateway.token({ roles: ['reader', 'operator', 'platform-admin'] })
  await eventually(() => ['good', 'talks', 'everybodys'].every((name) => stateOf(name) === 'ready'), {
    what: 'the good servers ready',
  })
})

afterAll(() => gateway.close())

const stateOf = (name: string): string | undefined =>
  gateway.gateway.statuses().find((status) => status.name === name)?.state
const ask = (method: string, path: string, token = operator): ReturnType<TestGateway['rest']> =>
  gateway.rest(token, method, `/v1/servers/${path}`)
const tg = (...argv: string[]): Promise<CommandResult> =>
  commandLine(gateway.url, operator)('servers', ...argv)
const call = async (name: string): Promise<unknown> => {
  const { status, body } = await gateway.rest(operator, 'POST', `/v1/tools/${name}`, {})
  return status === 200 ? body['content'] : body['code']
}

test('a server that crashes is failed after its restarts, says why, and restart brings it back', async () => {
  await eventually(() => stateOf('crashing') === 'failed', { what: 'crashing failed' })
  const { body } = await ask('GET', 'crashing')
  expect(body).toMatchObject({
    state: 'failed',
    instances: [{ restarts: 2, lastError: expect.stringMatching(/it said: cannot go on without \*\*\*$/) }],
    document: { env: { API_KEY: '********' } },
  })
  const { out } = await tg('logs', 'crashing')
  expect(out.match(/ cannot go on without \*\*\*\n/g)).toHaveLength(3)
  expect(out.match(/ -- the process exited with code 7\n/g)).toHaveLength(3)
  expect(await call('crashing_echo')).toBe('upstream_unavailable')
  expect(await call('good_echo')).toEqual([{ type: 'text', text: 'echo' }])

  const inVain = await tg('restart', 'crashing')
  expect([inVain.code, inVain.err]).toEqual([1, expect.stringMatching(/crashing is (backing_off|failed)\n$/)])
  await writeFile(repaired, '')
  expect(await tg('restart', 'crashing')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^crashing\tready\t1 tools\t/),
  })
  expect(await call('crashing_echo')).toEqual([{ type: 'text', text: 'echo' }])
  expect((await ask('GET', 'crashing')).body).toMatchObject({ instances: [{ restarts: 0 }] })
  expect((await tg('logs', 'crashing', '--lines', '500')).out).toMatch(/code 7\n.*the process was started\n/s)
  await rm(repaired)
})

describe('stop and start', () => {
  test('a stopped server keeps its tools listed, refuses their calls, and comes back with start', async () => {
    expect((await ask('POST', 'good/stop')).body).toMatchObject({
      state: 'stopped',
      reason: 'an operator stopped it',
    })
    expect((await ask('POST', 'good/stop')).status).toBe(200)
    expect(await call('good_echo')).toBe('upstream_unavailable')
    const { body } = await gateway.rest(operator, 'GET', '/v1/tools?server=good')
    expect(body).toMatchObject({ tools: [{ id: 'good_echo' }], staleServers: ['good'] })
    expect(await tg('start', 'good')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^good\tready\t1 tools\t/),
    })
    expect((await ask('POST', 'good/start')).body).toMatchObject({ state: 'ready' })
    expect(await call('good_echo')).toEqual([{ type: 'text', text: 'echo' }])
  })

  test('an edit of a stopped server does not start it; disabling and enabling it does', async () => {
    expect((await tg('stop', 'good')).out).toMatch(
      /^good\tstopped\t1 tools\t\t[^\t]+\tan operator stopped it\n$/,
    )
    const edited = {
      ...documents['good'],
      args: [join(UPSTREAMS, 'raw-stdio.ts'), 'x'],
      description: 'edited',
    }
    await gateway.writeRegistry({ ...documents, good: edited })
    await eventually(async () => {
      const { body } = await gateway.rest(operator, 'GET', '/v1/servers')
      return (body['servers'] as { description?: string }[]).some(
        ({ description }) => description === 'edited',
      )
    })
    expect(stateOf('good')).toBe('stopped')
    await gateway.writeRegistry({ ...documents, good: { ...edited, enabled: false } })
    await eventually(() => stateOf('good') === undefined, { what: 'good disabled' })
    await gateway.writeRegistry(documents)
    await eventually(() => stateOf('good') === 'ready', { what: 'good ready' })
  })

  test('what is disabled or refused says so', async () => {
    expect((await ask('POST', 'off/start')).body).toMatchObject({ status: 409, code: 'server_disabled' })
    expect((await ask('POST', 'off/stop')).status).toBe(200)
    expect((await ask('POST', 'wrong/restart')).body).toMatchObject({ status: 422, code: 'invalid_document' })
    expect((await ask('GET', 'good/start')).body).toMatchObject({ code: 'method_not_allowed' })
  })
})

describe('who may', () => {
  const paths = ['start', 'stop', 'restart', 'inspect'].map((action) => ['POST', action] as const)
  test.each([...paths, ['GET', 'logs'] as const])(
    '%s …/%s of a server for all tenants is for the platform',
    async (method, action) => {
      expect((await ask(method, `everybodys/${action}`)).body).toMatchObject({ status: 403 })
      expect((await ask(method, `everybodys/${action}?tenantId=*`)).body).toMatchObject({ status: 403 })
      const path = `/v1/servers/everybodys/${action}?tenantId=*`
      const allowed = await gateway.rest(admin, method, path, undefined, { accept: 'application/json' })
      expect(allowed.status).toBe(200)
    },
  )
})

test('what processes for all tenants are and say is for the platform, in the list and alone', async () => {
  const shownTo = async (token: string): Promise<unknown[]> => {
    const { body } = await gateway.rest(token, 'GET', '/v1/servers')
    const listed = (body['servers'] as Record<string, unknown>[]).find(({ name }) => name === 'everybodys')
    const alone = (await ask('GET', 'everybodys', token)).body
    return [listed, alone].map((each) => each?.['instances'])
  }
  await eventually(async () => (await ask('GET', 'everybodys', admin)).body['state'] === 'ready')
  const instance = { id: expect.any(String), state: 'ready', restarts: 0 }
  for (const instances of await shownTo(admin))
    expect(instances).toEqual([expect.objectContaining({ ...instance, pid: expect.any(Number) })])
  for (const instances of await shownTo(operator)) {
    expect(instances).toEqual([expect.objectContaining(instance)])
    expect(instances).not.toEqual([expect.objectContaining({ pid: expect.any(Number) })])
  }
})

describe('logs', () => {
  const logs = (query: string, accept: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/servers/talks/logs${query}`, {
      headers: { authorization: `Bearer ${operator}`, accept },
    })

  test('come as text, JSON and events, without secrets', async () => {
    const text = await logs('', 'text/plain')
    expect(text.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(await text.text()).toMatch(
      /^\d{4}-.*Z \d+ -- the process was started\n.*Z \d+ starting with \*\*\*\n$/,
    )
    const json: unknown = await (await logs('?lines=1', 'application/json')).json()
    expect(json).toEqual({
      lines: [
        {
          number: 2,
          at: expect.any(String),
          pid: expect.any(Number),
          by: 'process',
          text: 'starting with ***',
        },
      ],
    })
    const events = await (await logs('?lines=1', 'text/event-stream')).text()
    expect(events).toMatch(/^event: line\ndata: \{"number":2,.*"text":"starting with \*\*\*"\}\n\n$/)
  })

  test('can be followed over the end of the process and its restart', async () => {
    const response = await logs('?lines=0&follow=true', 'text/event-stream')
    await ask('POST', 'talks/restart')
    let seen = ''
    for await (const chunk of response.body ?? []) {
      seen += Buffer.from(chunk as Uint8Array).toString()
      if (seen.includes('starting with ***')) break
    }
    expect(seen).toMatch(/"text":"the process was started"/)
    expect(seen).not.toContain('hunter2')
  })

  test('a stream ends with the token that opened it, and with its server', async () => {
    const brief = await gateway.token({ roles: ['operator'], ttlMs: 3000 })
    const headers = { authorization: `Bearer ${brief}`, accept: 'text/plain' }
    const ends = fetch(`${gateway.url}/v1/servers/talks/logs?follow=true`, { headers }).then((each) =>
      each.text(),
    )
    expect(await ends).toMatch(/starting/)
    await gateway.writeRegistry({ ...documents, brief: program('raw-stdio.ts') })
    await eventually(() => stateOf('brief') === 'ready', { what: 'brief ready' })
    const following = await fetch(`${gateway.url}/v1/servers/brief/logs?follow=true`, {
      headers: { authorization: `Bearer ${operator}`, accept: 'text/plain' },
    })
    await gateway.writeRegistry(documents)
    expect(await following.text()).toMatch(/the process was started/)
  })

  test('of a remote server there are none', async () => {
    expect((await ask('GET', 'remote/logs')).body).toMatchObject({ status: 400, code: 'invalid_request' })
  })
})

describe('inspect', () => {
  test('shows the handshake of a server that works, beside the one that runs', async () => {
    const pid = (await ask('GET', 'good')).body['instances']
    const { code, out } = await tg('inspect', 'good', '--messages')
    expect(code).toBe(0)
    expect(out).toMatch(/ms +-> +initialize .*ms +<- +result of initialize \([\d.]+ ms\)/s)
    expect(out).toMatch(/works: raw 0, legacy era, revision 2025-06-18, 1 tools, .* ms\n$/)
    expect((await ask('GET', 'good')).body['instances']).toEqual(pid)
  })

  test('of one that does not says at which step, and what its process said', async () => {
    const { code, out, err } = await tg('inspect', 'crashing')
    expect(code).toBe(1)
    expect(out).toMatch(
      /standard error:\n.* cannot go on without \*\*\*\n.*failed at the (start|handshake) after/s,
    )
    expect(err).toMatch(/crashing does not work: .*cannot go on without \*\*\*/)
    const remote = await ask('POST', 'remote/inspect')
    expect(remote.body).toMatchObject({ isOk: false, step: expect.stringMatching(/start|handshake/) })
    expect(JSON.stringify(remote.body)).not.toContain('hunter2')
  })

  test('works for one that is disabled, and prints JSON where that is wanted', async () => {
    const { code, out } = await tg('inspect', 'off', '--json')
    expect([code, (JSON.parse(out) as { isOk: boolean }).isOk]).toEqual([0, true])
  })
})

describe('servers add and remove', () => {
  test('write the registry, and the second one asks before', async () => {
    const asked: string[] = []
    const root = commandLine(gateway.url, admin, async (question) => {
      asked.push(question)
      return asked.length > 1
    })
    const argv = [
      '--env',
      'A=b',
      '--roles',
      'reader',
      '--',
      process.execPath,
      join(UPSTREAMS, 'raw-stdio.ts'),
    ]
    expect(await root('servers', 'add', 'added', ...argv)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^added\tready\t/),
    })
    await eventually(() => stateOf('added') === 'ready', { what: 'added ready' })
    expect(await root('servers', 'remove', 'added')).toMatchObject({ code: 1 })
    expect(await root('servers', 'remove', 'added')).toMatchObject({ code: 0, out: 'removed added\n' })
    expect(asked).toEqual(['Remove added?', 'Remove added?'])
    await eventually(() => stateOf('added') === undefined, { what: 'added gone' })
  })

  test('say what is missing, and that --url is not the server', async () => {
    const { code, err } = await tg('add', 'far', '--url', 'https://x.example.com/mcp')
    expect([code, err]).toEqual([
      64,
      expect.stringContaining(
        'what is the server? Give its URL, or its program and arguments after -- (--url is',
      ),
    ])
  })

  test('need no platform role for a remote server, and a terminal or --yes to remove', async () => {
    expect(
      await tg('add', 'far', '--endpoint', 'https://x.example.com/mcp', '--header', 'x-key=y', '--no-wait'),
    ).toMatchObject({
      code: 0,
    })
    expect((await tg('remove', 'far')).code).toBe(64)
    expect((await tg('remove', 'far', '--yes')).code).toBe(0)
    expect((await tg('add', 'x', '--command', 'x')).code).toBe(77)
    expect((await tg('add', 'x', '--endpoint', 'https://x.example.com', '--header', 'oops')).code).toBe(64)
  })
})
