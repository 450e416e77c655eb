import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { commandLine } from '../support/command-line.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let upstream: HttpUpstream
let app: TestApp
let tg: ReturnType<typeof commandLine>

beforeAll(async () => {
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  app = await openTestApp({
    mail: { ...server, requiredRoles: ['writer'], agentAllowlist: ['planner'] },
    open: { ...server, tools: { include: ['echo'] } },
  })
  await eventually(() => app.servers.upstreams.status('local/open')?.state === 'ready', { what: 'open' })
  await eventually(() => app.servers.upstreams.status('local/mail')?.state === 'ready', { what: 'mail' })
  tg = commandLine(app.url, await app.token({ roles: ['operator'], agent: 'desk' }))
})

afterAll(async () => {
  await app.close()
  await upstream.close()
})

test('access explain says why, and what would change it; exit code 1 where a call would not succeed', async () => {
  const { code, out } = await tg('access', 'explain', '--tool', 'mail_echo', '--roles', 'reader, x')
  expect([code, out]).toEqual([
    1,
    `denied by server-roles
The caller needs the role writer; it has reader, x (servers/local/mail, requiredRoles).
What would change it:
  Give the caller the role writer.
  Change requiredRoles in servers/local/mail.
  Call as planner.
  Have the issuer name the agent in the token, or remove agentAllowlist from servers/local/mail.
Who can use it:
  Callers of the tenant local with the role writer, and the agent planner.
`,
  ])
})

test('access explain without a caller is about the token; exit code 0 where a call would succeed', async () => {
  const { code, out } = await tg('access', 'explain', '--tool', 'open_echo')
  expect([code, out]).toEqual([
    0,
    'allowed\nEvery rule is met.\nWho can use it:\n  Callers of the tenant local.\n',
  ])
})

test('access explain reads the claims of a token from a file, and sends no token', async () => {
  const file = join(app.dataDir, 'token')
  await writeFile(file, `${await app.token({ roles: ['writer'], agent: 'planner' })}\n`)
  expect(await tg('access', 'explain', '--tool', 'mail_echo', '--token-of', file)).toMatchObject({ code: 0 })
  await writeFile(file, 'not a token')
  expect(await tg('access', 'explain', '--tool', 'mail_echo', '--token-of', file)).toMatchObject({ code: 65 })
})

test('access matrix is a table of roles by tools, or of agents by servers', async () => {
  const { out } = await tg('access', 'matrix', '--server', 'open')
  expect(out).toMatch(/^open_big\t-\t-\n/)
  expect(out).toContain('\nopen_echo\tyes\tyes\n')
  expect((await tg('access', 'matrix', '--by', 'agents')).out).toBe(
    '(none)\t-\tsome 1/10\nplanner\tyes\tsome 1/10\n',
  )
})

test('access simulate says who gains and loses what, and saves nothing', async () => {
  const file = join(app.dataDir, 'open.yaml')
  await writeFile(
    file,
    `name: open\ntransport: streamable-http\nurl: ${upstream.url}\nrequiredRoles: [vip]\n`,
  )
  const { code, out } = await tg('access', 'simulate', file)
  expect([code, out]).toEqual([
    1,
    `servers/local/open: changed requiredRoles, tools
role (none) loses open_echo
role vip gains open_big, open_cancelled, open_change, open_env, open_exotic, open_fail, open_hold, open_pid, open_progress
role writer loses open_echo
agent (none) gains open_big, open_cancelled, open_change, open_env, open_exotic, open_fail, open_hold, open_pid, open_progress
agent planner gains open_big, open_cancelled, open_change, open_env, open_exotic, open_fail, open_hold, open_pid, open_progress
0 live sessions change
`,
  ])
  expect(await tg('access', 'simulate', file, '--remove', 'nosuch')).toMatchObject({ code: 1 })
  expect(await tg('access', 'simulate')).toMatchObject({ code: 64 })
})

test('whoami shows the claim of each role', async () => {
  const { out } = await tg('whoami')
  expect(out).toContain('role\toperator\troles\n')
  expect(out).toContain('agent\tdesk\tagent\n')
})

test('sessions list says when there are none', async () => {
  expect(await tg('sessions', 'list')).toEqual({
    code: 0,
    out: '',
    err: 'no session is open at this replica\n',
  })
})

test('an empty list says why: to operators server by server, to others what their token has', async () => {
  const empty = async (roles: string[]): Promise<unknown> => {
    const { body } = await app.rest(await app.token({ roles }), 'GET', '/v1/tools?query=nothing-like-this')
    return body['emptyBecause']
  }
  expect(await empty(['operator'])).toEqual([
    'mail: The caller needs the role writer; it has operator (servers/local/mail, requiredRoles).',
    'open: None of its tools matches, or may be used.',
  ])
  expect(await empty(['reader'])).toEqual([
    'The token has the roles reader; an operator can see which roles the servers need.',
  ])
})
