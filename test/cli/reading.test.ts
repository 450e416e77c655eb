import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { commandLine } from '../support/command-line.ts'
import { everything } from '../support/relayed-everything.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let tg: ReturnType<typeof commandLine>

beforeAll(async () => {
  gateway = await startTestGateway({ everything })
  tg = commandLine(gateway.url, await gateway.token({ roles: ['reader', 'operator', 'auditor'] }))
})

afterAll(() => gateway.close())

test('tools describe shows what a tool does, and its arguments', async () => {
  const { code, out } = await tg('tools', 'describe', 'everything_get-sum')
  expect(code).toBe(0)
  expect(out).toContain('everything_get-sum')
  expect(out).toMatch(/\na\tnumber\trequired\t/)
})

describe('tools call', () => {
  test('takes key=value, as the schema of the tool wants it', async () => {
    expect((await tg('tools', 'call', 'everything_get-sum', 'a=1', 'b=2.5')).out).toContain('3.5')
    expect((await tg('tools', 'call', 'everything_echo', 'message=12')).out).toContain('Echo: 12')
  })

  test('takes the text of a file, and a file with all arguments', async () => {
    const file = join(gateway.dataDir, 'text')
    await writeFile(file, 'from a file')
    expect((await tg('tools', 'call', 'everything_echo', `message=@${file}`)).out).toContain(
      'Echo: from a file',
    )
    await writeFile(file, '{"a": 20, "b": 1}')
    expect((await tg('tools', 'call', 'everything_get-sum', `@${file}`, 'b:=22')).out).toContain('42')
  })

  test.each([
    [['a=x', 'b=1'], 'a: expected a number, got x'],
    [['a'], 'a: expected key=value, key:=JSON, key=@file or @file'],
    [['a:={'], 'a: expected JSON, got {'],
  ])('refuses %j: %s', async (words, message) => {
    expect(await tg('tools', 'call', 'everything_get-sum', ...words)).toMatchObject({
      code: 64,
      err: expect.stringContaining(message),
    })
  })
})

test('resources are listed and read, prompts listed and got', async () => {
  const { out } = await tg('resources', 'list')
  const uri = out.split('\t', 1)[0] ?? ''
  expect(uri).toMatch(/:\/\//)
  expect((await tg('resources', 'read', uri)).code).toBe(0)
  expect((await tg('prompts', 'list')).out).toContain('everything_')
  expect((await tg('prompts', 'get', 'everything_args-prompt', 'city=Bern')).out).toContain('Bern')
  expect((await tg('pipelines', 'list')).code).toBe(0)
})

test('audit lists the calls', async () => {
  await tg('tools', 'call', 'everything_echo', 'message=x')
  const { code, out } = await tg('audit', '--target', 'everything_echo', '--limit', '1')
  expect(code).toBe(0)
  expect(out).toMatch(/^\d{4}-.*Z\tok\t\teverything_echo\tann\t\t\d+ ms\n$/)
})

describe('servers', () => {
  const admin = async (): Promise<ReturnType<typeof commandLine>> =>
    commandLine(gateway.url, await gateway.token({ roles: ['operator', 'platform-admin'] }))

  test('edit with --dry-run says who loses what, and saves nothing', async () => {
    const { code, out } = await tg('servers', 'edit', 'everything', 'requiredRoles=[vip]', '--dry-run')
    expect(code).toBe(1)
    expect(out).toContain('servers/local/everything: changed requiredRoles\n')
    expect(out).toMatch(/role reader loses everything_/)
    expect((await tg('servers', 'show', 'everything')).out).toContain('requiredRoles:\n  - reader\n')
  })

  test('edit changes fields, those in fields too, and removes them', async () => {
    const edit = ['servers', 'edit', 'everything', 'description=Mine', 'tools.echo.title=Say']
    expect(await (await admin())(...edit)).toMatchObject({ code: 0, out: 'changed everything\n' })
    expect((await tg('servers', 'show', 'everything')).out).toMatch(
      /description: Mine[^]*echo:\n\s+title: Say/,
    )
    await (
      await admin()
    )('servers', 'edit', 'everything', '--unset', 'tools', '--unset', 'description')
    expect((await tg('servers', 'show', 'everything')).out).not.toContain('Mine')
    expect(await tg('servers', 'edit', 'everything')).toMatchObject({ code: 64 })
  })

  test('add and remove with --dry-run save nothing', async () => {
    const add = await tg('servers', 'add', 'new', '--endpoint', 'http://127.0.0.1:1/', '--dry-run')
    expect(add.out).toContain('servers/local/new: added (its tools are not known yet)\n')
    const byUrl = await tg('servers', 'add', 'new', 'http://127.0.0.1:1/', '--dry-run')
    expect(byUrl.out).toBe(add.out)
    const remove = await tg('servers', 'remove', 'everything', '--dry-run')
    expect([remove.code, remove.out]).toEqual([
      1,
      expect.stringContaining('servers/local/everything: removed\n'),
    ])
    expect((await tg('servers', 'list')).out).toMatch(/^everything\tready/)
  })
})
