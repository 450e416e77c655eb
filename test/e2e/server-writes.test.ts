import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { run } from '../../src/cli/program.ts'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let admin: string
let operator: string

beforeAll(async () => {
  gateway = await startTestGateway({ shared: { ...everything, tenantId: '*' } })
  admin = await gateway.token({ roles: ['reader', 'operator', 'platform-admin'] })
  operator = await gateway.token({ roles: ['reader', 'operator'] })
})

afterAll(() => gateway.close())

const toolServers = async (): Promise<unknown[]> => {
  const { body } = await gateway.rest(admin, 'GET', '/v1/tools?limit=1000')
  return [...new Set((body['tools'] as { server: string }[]).map(({ server }) => server))]
}

test('a server that is created, narrowed and removed over REST comes, hides and goes', async () => {
  const created = await gateway.rest(admin, 'POST', '/v1/servers', { ...everything, name: 'fresh' })
  expect(created).toMatchObject({ status: 201, body: { name: 'fresh', tenantId: 'local' } })
  await eventually(async () => (await toolServers()).includes('fresh'), { what: 'the tools of fresh' })
  const shown = await gateway.rest(operator, 'GET', '/v1/servers/fresh')
  expect(shown.body).toMatchObject({ state: 'ready', document: { package: everything.package } })
  const etag = shown.headers.get('etag') ?? ''
  const narrowed = { ...(shown.body['document'] as object), requiredRoles: ['nobody'] }
  const replaced = await gateway.rest(operator, 'PUT', '/v1/servers/fresh', narrowed, { 'if-match': etag })
  expect(replaced.status).toBe(200)
  await eventually(async () => !(await toolServers()).includes('fresh'), { what: 'the tools of fresh gone' })
  const late = await gateway.rest(operator, 'DELETE', '/v1/servers/fresh', undefined, { 'if-match': etag })
  expect(late).toMatchObject({ status: 412, body: { code: 'precondition_failed' } })
  const now = { 'if-match': replaced.headers.get('etag') ?? '' }
  expect(await gateway.rest(operator, 'DELETE', '/v1/servers/fresh', undefined, now)).toMatchObject({
    status: 204,
  })
  await eventually(() => gateway.gateway.statuses().length === 1, { what: 'fresh stopped' })
})

test('who may not write is refused, and other tenants see nothing', async () => {
  const reader = await gateway.token()
  const other = await gateway.token({ tenantId: 'acme', roles: ['operator', 'platform-admin'] })
  await gateway.rest(admin, 'POST', '/v1/servers', { ...everything, name: 'mine', enabled: false })
  expect((await gateway.rest(reader, 'GET', '/v1/servers/mine')).status).toBe(403)
  expect((await gateway.rest(other, 'GET', '/v1/servers/mine')).status).toBe(404)
  expect((await gateway.rest(operator, 'POST', '/v1/servers', { ...everything, name: 'x' })).status).toBe(403)
  const any = { 'if-match': '*' }
  expect((await gateway.rest(operator, 'DELETE', '/v1/servers/shared', undefined, any)).status).toBe(403)
  const bad = await gateway.rest(admin, 'POST', '/v1/servers', {
    name: 'x',
    transport: 'sse',
    pool: { max: 0 },
  })
  expect(bad).toMatchObject({
    status: 422,
    body: { code: 'invalid_document', problems: [expect.any(String), expect.any(String)] },
  })
})

test('the command line imports into a running gateway', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'server-writes-'))
  const file = join(folder, 'desktop.json')
  await writeFile(
    file,
    JSON.stringify({ mcpServers: { 'My Server': { url: 'https://x.example.com/', disabled: true } } }),
  )
  const tg = async (...argv: string[]): Promise<[number, string]> => {
    let out = ''
    const print = (text: string): void => void (out += text)
    return [
      await run(['registry', 'import', file, '--gateway', ...argv], { env: {}, print, printError: print }),
      out,
    ]
  }
  const address = ['--url', gateway.url, '--token', operator]
  expect(await tg(...address, '--dry-run')).toEqual([1, expect.stringContaining('+ local/my-server\n')])
  expect((await tg(...address))[0]).toBe(0)
  expect((await tg(...address))[0]).toBe(0)
  expect((await tg(...address, '--replace'))[0]).toBe(0)
  expect((await tg('--url', gateway.url, '--token', await gateway.token()))[0]).toBe(77)
  expect(await readFile(join(gateway.dataDir, 'registry.json'), 'utf8')).toContain('my-server')
  await rm(folder, { recursive: true })
})

test('whoever writes sees what was written with the next request', async () => {
  const names = ['one', 'two', 'three', 'four', 'five']
  for (const name of names) {
    const created = await gateway.rest(admin, 'POST', '/v1/servers', { ...everything, name })
    expect(created.status).toBe(201)
    expect(['starting', 'ready']).toContain(created.body['state'])
    const listed = await gateway.rest(admin, 'GET', `/v1/tools?server=${name}`)
    const { tools, missingServers } = listed.body as { tools: unknown[]; missingServers: string[] }
    expect(tools.length > 0 || missingServers.includes(name)).toBe(true)
    const etag = String(created.body['etag'])
    await gateway.rest(
      admin,
      'PUT',
      `/v1/servers/${name}`,
      { ...everything, description: 'new' },
      { 'if-match': etag },
    )
    const servers = (await gateway.rest(admin, 'GET', '/v1/servers')).body['servers'] as Record<
      string,
      unknown
    >[]
    expect(servers.find((server) => server['name'] === name)).toMatchObject({ description: 'new' })
    const { body } = await gateway.rest(admin, 'GET', `/v1/servers/${name}`)
    await gateway.rest(admin, 'DELETE', `/v1/servers/${name}`, undefined, {
      'if-match': String(body['etag']),
    })
    const left = (await gateway.rest(admin, 'GET', '/v1/servers')).body['servers'] as Record<
      string,
      unknown
    >[]
    expect(left.map((server) => server['name'])).not.toContain(name)
  }
})

test('a pipeline is a tool with the next request after it was written, and none after it was removed', async () => {
  const steps = [{ id: 'one', tool: 'shared_echo', arguments: { message: 'x' } }]
  const written = await gateway.rest(operator, 'PUT', '/v1/pipelines/chain', { steps })
  expect(written.status).toBe(201)
  expect((await gateway.rest(operator, 'GET', '/v1/tools/pipeline_chain')).status).toBe(200)
  const etag = String(written.body['etag'])
  await gateway.rest(operator, 'DELETE', '/v1/pipelines/chain', undefined, { 'if-match': etag })
  expect((await gateway.rest(operator, 'GET', '/v1/tools/pipeline_chain')).status).toBe(404)
})

test('a pipeline that is not valid says so, and speaks of no server', async () => {
  const invalid = await gateway.rest(operator, 'PUT', '/v1/pipelines/chain', { steps: [] })
  expect(invalid).toMatchObject({ status: 422, body: { title: 'The document is not valid' } })
  const unknown = await gateway.rest(operator, 'GET', '/v1/pipelines/No_Name')
  expect(unknown).toMatchObject({ status: 404, body: { detail: 'Unknown pipeline: No_Name' } })
})
