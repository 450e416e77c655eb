import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { run } from '../../../src/cli/program.ts'
import { describeWithEmulator } from '../../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../../support/firestore-emulator.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tool-gateway-registry-'))
  file = join(folder, 'registry.yaml')
})

afterEach(() => rm(folder, { recursive: true }))

async function tg(
  argv: string[],
  options: { env?: NodeJS.ProcessEnv; answer?: boolean } = {},
): Promise<{ code: number; out: string; err: string; asked: string[] }> {
  let out = ''
  let err = ''
  const asked: string[] = []
  const { answer } = options
  const code = await run(['registry', ...argv], {
    env: { DATA_DIR: folder, ...options.env },
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
    ...(answer !== undefined && {
      confirm: (question: string) => {
        asked.push(question)
        return Promise.resolve(answer)
      },
    }),
  })
  return { code, out, err, asked }
}

const write = async (name: string, value: unknown): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}
const text = (): Promise<string> => readFile(file, 'utf8')

describe('help', () => {
  test.each([
    [['--help'], /import.*push.*pull/s],
    [['import', '--help'], /--tenant.*--dry-run.*--replace.*--set.*Exit codes/s],
    [['push', '--help'], /--dry-run.*--prune.*--yes.*FIRESTORE_EMULATOR_HOST.*Exit codes/s],
    [['pull', '--help'], /--dry-run.*--prune.*--yes/s],
  ])('%j tells what is possible', async (argv, expected) => {
    const { code, out } = await tg(argv)
    expect(code).toBe(0)
    expect(out).toMatch(expected)
  })
})

describe('import', () => {
  const DESKTOP = {
    mcpServers: {
      'My Files': { command: 'npx', args: ['-y', 'files'], env: { KEY: 'hunter2' }, autoApprove: ['*'] },
      remote: { url: 'https://x.example.com/mcp', type: 'streamable-http' },
    },
  }

  test('of a desktop configuration adds its servers and keeps the file as it was', async () => {
    await writeFile(file, '# mine\nservers:\n  a: {transport: sse, url: https://a.example.com/} # first\n')
    const desktop = await write('desktop.json', DESKTOP)
    const { code, out, err } = await tg(['import', desktop])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^\+ local\/my-files$/m)
    expect(out).toMatch(/^ {4}\+ env\.KEY: "\*{8}"$/m)
    expect(out).not.toContain('hunter2')
    expect(await text()).toBe(`# mine
servers:
  a: {transport: sse, url: https://a.example.com/} # first
  my-files:
    command: npx
    args:
      - -y
      - files
    env:
      KEY: hunter2
    transport: stdio
  remote:
    url: https://x.example.com/mcp
    transport: streamable-http
`)
    expect(await tg(['import', desktop])).toMatchObject({ code: 0, out: `nothing to change in ${file}\n` })
  })

  test('can be tried, given a tenant and put elsewhere', async () => {
    const desktop = await write('desktop.json', DESKTOP)
    expect(await tg(['import', desktop, '--dry-run', '--tenant', 'acme'])).toMatchObject({ code: 1 })
    await expect(text()).rejects.toMatchObject({ code: 'ENOENT' })
    const into = join(folder, 'other.json')
    expect(await tg(['import', desktop, '--tenant', 'acme', '--into', into])).toMatchObject({ code: 0 })
    expect(JSON.parse(await readFile(into, 'utf8'))).toMatchObject({
      servers: { 'my-files': { tenantId: 'acme', env: { KEY: 'hunter2' } } },
    })
  })

  test('does not replace a server that differs unless told to, and imports the others', async () => {
    const before = 'servers:\n  remote: {transport: sse, url: https://a.example.com/}\n'
    await writeFile(file, before)
    const desktop = await write('desktop.json', DESKTOP)
    const refused = await tg(['import', desktop])
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(/these servers already exist and were not changed .*: local\/remote\n/)
    expect(await text()).toContain(before)
    expect(await text()).toContain('my-files:')
    expect(await tg(['import', desktop, '--replace'])).toMatchObject({ code: 0 })
    expect(await text()).toContain('url: "https://x.example.com/mcp"')
  })

  test('of a server.json lists what is to be filled in', async () => {
    const path = await write('server.json', {
      name: 'io.github.example/weather',
      packages: [
        {
          registryType: 'npm',
          identifier: '@example/weather',
          version: '1.0.0',
          transport: { type: 'stdio' },
          environmentVariables: [{ name: 'KEY', isRequired: true, isSecret: true, description: 'Your key' }],
        },
      ],
    })
    const { code, out } = await tg(['import', path])
    expect(code).toBe(0)
    expect(out).toMatch(/^fill in env\.KEY \(for a secret, prefer secret:\/\/<tenant>_<name>\): Your key$/m)
    expect(await text()).toMatch(/weather:\n.*@example\/weather@1.0.0.*KEY: <KEY>\n.*enabled: false\n/s)
    const given = ['import', path, '--replace', '--set', 'KEY=secret://local_weather']
    expect(await tg(given)).toMatchObject({ code: 0 })
    expect(await text()).toMatch(/KEY: "?secret:\/\/local_weather/)
    expect(await text()).not.toContain('enabled')
  })

  test.each<[string, unknown, RegExp]>([
    ['neither', { a: 1 }, /neither servers of an MCP client .* nor packages nor remotes/],
    ['not valid', { mcpServers: { a: { url: 'ftp://x' } } }, /local\/a: url: /],
    ['nothing usable', { name: 'x/y', packages: [] }, /nothing that can be imported/],
    ['no object', { mcpServers: { a: 5 } }, /mcpServers\.a is not an object/],
  ])('of a file with %s ends with 65', async (_what, value, message) => {
    const { code, err } = await tg(['import', await write('in.json', value)])
    expect(code).toBe(65)
    expect(err).toMatch(message)
    await expect(text()).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('of a file that is not there, or with a wrong option, says so', async () => {
    expect(await tg(['import', join(folder, 'none.json')])).toMatchObject({ code: 65 })
    expect(await tg(['import', 'x', '--set', 'KEY'])).toMatchObject({ code: 64 })
    const desktop = await write('desktop.json', DESKTOP)
    expect(await tg(['import', desktop, '--gateway', '--url', 'http://127.0.0.1:1'])).toMatchObject({
      code: 2,
    })
  })
})

test('push and pull without a project end with 78, and without servers with 65', async () => {
  await writeFile(file, 'servers:\n  a: {transport: sse, url: https://a.example.com/}\n')
  expect(await tg(['push', file])).toMatchObject({ code: 78 })
  expect(await tg(['pull'])).toMatchObject({ code: 78 })
  expect(await tg(['push', join(folder, 'none.yaml')])).toMatchObject({ code: 65 })
})

describeWithEmulator('between a file and Firestore', () => {
  let emulator: FirestoreEmulator
  let project = 0
  let env: NodeJS.ProcessEnv

  beforeAll(async () => {
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
  })
  beforeEach(() => {
    project += 1
    env = { GOOGLE_CLOUD_PROJECT: `demo-registry-cli-${project}` }
  })
  afterAll(() => emulator.stop())

  const REGISTRY = `# ours
servers:
  a: {transport: sse, url: https://a.example.com/, tenantId: acme, headers: {k: hunter2}} # one
  b:
    transport: sse
    url: https://b.example.com/
    tenantId: '*'
`

  test('what was pushed is pulled again, the same', async () => {
    await writeFile(file, REGISTRY)
    const pushed = await tg(['push', file, '--yes'], { env })
    expect([pushed.code, pushed.err]).toEqual([0, ''])
    expect(pushed.out).toMatch(/^\+ \*\/b\n.*^\+ acme\/a\n.*changed 2 servers in Firestore\n$/ms)
    expect(pushed.out).not.toContain('hunter2')
    expect(await tg(['push', file], { env })).toMatchObject({
      code: 0,
      out: 'nothing to change in Firestore\n',
    })
    expect(await tg(['pull', file], { env })).toMatchObject({
      code: 0,
      out: `nothing to change in ${file}\n`,
    })
    const copy = join(folder, 'copy.yaml')
    expect(await tg(['pull', copy, '--yes'], { env })).toMatchObject({ code: 0 })
    expect(await tg(['push', copy, '--dry-run'], { env })).toMatchObject({ code: 0 })
  })

  test('differences are shown by field without secrets, and asked about', async () => {
    await writeFile(file, REGISTRY)
    await tg(['push', file, '--yes'], { env })
    await writeFile(file, REGISTRY.replace('hunter2', 'hunter3').replace('a.example', 'a2.example'))
    const dry = await tg(['push', file, '--dry-run'], { env })
    expect(dry).toMatchObject({
      code: 1,
      out: `~ acme/a
    ~ url: "https://a.example.com/" -> "https://a2.example.com/"
    ~ headers.k: "********" (another value)
`,
    })
    const refused = await tg(['push', file], { env, answer: false })
    expect(refused).toMatchObject({ code: 1, asked: ['Change 1 server in Firestore?'] })
    expect(await tg(['push', file], { env })).toMatchObject({ code: 64 })
    expect(await tg(['push', file, '--dry-run'], { env })).toMatchObject({ code: 1 })
    expect(await tg(['push', file], { env, answer: true })).toMatchObject({ code: 0 })
    expect(await tg(['push', file, '--dry-run'], { env })).toMatchObject({ code: 0 })
  })

  test('servers are removed only with --prune, and only of the tenant that is asked for', async () => {
    await writeFile(file, REGISTRY)
    await tg(['push', file, '--yes'], { env })
    const other = await write('other.yaml', REGISTRY.replace(/ {2}a: .*\n/, '').replace(/ {2}b:/, '  c:'))
    const kept = await tg(['push', other, '--yes'], { env })
    expect(kept.out).toMatch(/^ {2}acme\/a: exists only in the target and is kept \(--prune removes it\)$/m)
    const pruned = await tg(['push', other, '--yes', '--prune', '--tenant', '*'], { env })
    expect(pruned.out).toBe('- */b\nchanged 1 server in Firestore\n')
    const pulled = await tg(['pull', file, '--yes', '--prune'], { env })
    expect(pulled.code).toBe(0)
    expect(await text()).toBe(
      REGISTRY.replace(/ {2}b:[^]*$/, '') +
        '  c:\n    tenantId: "*"\n    transport: sse\n    url: https://b.example.com/\n',
    )
  })

  test('nothing is written when one document is not valid', async () => {
    await writeFile(file, `${REGISTRY}  bad: {transport: sse}\n`)
    const { code, err } = await tg(['push', file, '--yes'], { env })
    expect(code).toBe(65)
    expect(err).toMatch(/nothing was written .*:\n {2}local\/bad: url: give either url or instances/)
    const copy = join(folder, 'copy.yaml')
    expect(await tg(['pull', copy], { env })).toMatchObject({
      code: 0,
      out: `nothing to change in ${copy}\n`,
    })
  })
})

test('what the settings in the environment forbid is refused by check and by import', async () => {
  const env = { OUTBOUND_ADDRESSES: 'public', OUTBOUND_ALLOW: '*.tools.svc', STDIO_SERVERS: 'off' }
  const servers = {
    inside: { transport: 'http', url: 'http://10.0.0.7/mcp' },
    listed: { transport: 'http', url: 'http://orders.tools.svc:8080/mcp' },
    program: { transport: 'stdio', command: 'node' },
  }
  const given = await write('given.json', { servers })
  const ofClient = await write('client.json', {
    mcpServers: Object.fromEntries(
      Object.entries(servers).map(([name, { transport: _transport, ...fields }]) => [name, fields]),
    ),
  })
  const expected = [
    /inside: url: 10\.0\.0\.7 is an address of a private network, which the setting OUTBOUND_ALLOW does not list/,
    /program: transport: programs are not started here \(setting STDIO_SERVERS\)/,
  ]
  const checked = await tg(['check', given], { env })
  const imported = await tg(['import', ofClient, '--into', file], { env })
  for (const problem of expected) {
    expect(checked.out + checked.err).toMatch(problem)
    expect(imported.err).toMatch(problem)
  }
  expect(checked.code).not.toBe(0)
  expect(await text()).toContain('orders.tools.svc')
  expect(await text()).not.toContain('10.0.0.7')
  expect((await tg(['check', given])).code).toBe(0)
})
