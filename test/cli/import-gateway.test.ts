import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { commandLine } from '../support/command-line.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const there = {
  transport: 'stdio',
  command: '/old',
  requiredRoles: ['reader'],
  tools: { include: ['read_*'] },
  env: { K: 'hunter2' },
  enabled: false,
}

let gateway: TestGateway
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tool-gateway-import-'))
  gateway = await startTestGateway({ there }, { wait: false })
})

afterAll(async () => {
  await gateway.close()
  await rm(folder, { recursive: true })
})

test('an import into a running gateway adds what is new, and keeps who may use what it replaces', async () => {
  const token = await gateway.token({ roles: ['operator', 'platform-admin'] })
  const tg = commandLine(gateway.url, token)
  const file = join(folder, 'c.json')
  const entry = { command: '/new', disabled: true }
  await writeFile(file, JSON.stringify({ mcpServers: { there: entry, added: entry } }))

  const dry = await tg('registry', 'import', file, '--gateway', '--replace', '--dry-run')
  expect(dry.code).toBe(1)
  expect(dry.out).toMatch(/^\+ local\/added$.*^~ local\/there$.*^ {4}~ command: "\/old" -> "\/new"$/ms)

  const first = await tg('registry', 'import', file, '--gateway')
  expect([first.code, first.out]).toEqual([1, expect.stringContaining('wrote 1 server to http://')])
  expect(first.err).toMatch(/these servers already exist.*: local\/there\n/)
  expect(await tg('registry', 'import', file, '--gateway', '--replace')).toMatchObject({ code: 0 })

  const { body } = await gateway.rest(token, 'GET', '/v1/servers/there')
  expect(body['document']).toEqual({
    name: 'there',
    tenantId: 'local',
    transport: 'stdio',
    command: '/new',
    enabled: false,
    requiredRoles: ['reader'],
    tools: { include: ['read_*'] },
  })
  const again = await tg('registry', 'import', file, '--gateway')
  expect(again).toMatchObject({ code: 0, out: `nothing to change in ${gateway.url}\n` })
})
