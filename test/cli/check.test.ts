import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { run } from '../../src/cli/program.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

async function check(
  content: string,
  ...options: string[]
): Promise<{ code: number; out: string; err: string }> {
  await using dir = await temporaryDirectory()
  const file = join(dir.path, 'registry.yaml')
  await writeFile(file, content)
  let out = ''
  let err = ''
  const code = await run(['registry', 'check', ...options], {
    env: { DATA_DIR: dir.path },
    print: (text) => void (out += text.replaceAll(file, 'FILE')),
    printError: (text) => void (err += text.replaceAll(file, 'FILE')),
  })
  return { code, out, err }
}

test('a registry that a gateway would use as it is passes, and is counted', async () => {
  const text = `templates: { t: { server: { transport: stdio, command: x } } }
tenants: { acme: {} }
servers:
  a: { transport: template, templateName: t, tenantId: acme }
  b: { transport: stdio, command: x }
`
  expect(await check(text)).toEqual({
    code: 0,
    out: 'FILE is valid: 1 tenant, 1 template, 2 servers\n',
    err: '',
  })
})

test('everything that would be refused is named, with exit code 65', async () => {
  const text = `servers: { a: { transport: sse }, b: { transport: stdio, command: x, tenantId: other } }
tenants: { acme: { quotas: { calls: 1 } } }
pipelines: 5
odd: {}
`
  const { code, err } = await check(text)
  expect(code).toBe(65)
  expect(err).toMatch(/^note: unknown section "odd" is ignored$/m)
  for (const line of [
    /^ {2}pipelines: expected a map from id to document$/m,
    /^ {2}a: url: /m,
    /^ {2}b: tenantId: there is no tenant other$/m,
    /^ {2}tenants\/acme: quotas: /m,
  ])
    expect(err).toMatch(line)
  expect(JSON.parse((await check(text, '--json')).out)).toMatchObject({ isValid: false })
})

test('a pipeline whose expressions are written as in other languages is valid, and that is noted', async () => {
  const text = `servers: { files: { transport: stdio, command: x } }
pipelines: { report: { steps: [{ id: a, tool: files_read, arguments: { path: '{{ input.month }}' } }] } }
`
  expect(await check(text)).toEqual({
    code: 0,
    out: 'FILE is valid: 1 server, 1 pipeline\n',
    err: 'note: pipelines/report: steps[0].arguments.path: {{ input.month }} is taken as it is; an expression is written ${input.month}\n',
  })
})

test('a file that is larger than a gateway reads is refused', async () => {
  const text = 'servers: {}\n#'.padEnd(4_194_304, 'x')
  expect(await check(text)).toMatchObject({ code: 0 })
  expect(await check(`${text}x`)).toMatchObject({
    code: 65,
    err: expect.stringContaining('larger than 4194304 bytes'),
  })
})

test('a file that cannot be read as a registry says where', async () => {
  expect(await check('servers:\n  a: [\n')).toMatchObject({
    code: 65,
    err: expect.stringMatching(/line \d+, column \d+/),
  })
})
