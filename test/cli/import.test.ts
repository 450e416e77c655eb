import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { run } from '../../src/cli/program.ts'

let folder: string
let registry: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tool-gateway-import-'))
  registry = join(folder, 'registry.yaml')
})

afterEach(() => rm(folder, { recursive: true }))

async function imported(
  name: string,
  content: unknown,
  ...options: string[]
): Promise<{ code: number; out: string; err: string }> {
  const file = join(folder, name)
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  let out = ''
  let err = ''
  const code = await run(['registry', 'import', file, ...options], {
    env: { DATA_DIR: folder },
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

const servers = async (): Promise<Record<string, Record<string, unknown>>> =>
  (parse(await readFile(registry, 'utf8')) as { servers: Record<string, Record<string, unknown>> }).servers

const NPX = { command: 'npx', args: ['-y', 'x'] }

describe('--replace', () => {
  beforeEach(() =>
    writeFile(
      registry,
      `servers:
  files:
    transport: stdio
    command: old
    requiredRoles: [reader]
    agentAllowlist: [desk]
    tools: { include: ['read_*'] }
    timeoutMs: 5000
    enabled: false
  far:
    transport: streamable-http
    url: https://a.example.com/mcp
    auth: { kind: bearer, token: hunter2 }
`,
    ),
  )

  test('keeps who may use a server, which tools, and whether it is enabled', async () => {
    const { code, out } = await imported('c.json', { mcpServers: { files: NPX } }, '--replace')
    expect(code).toBe(0)
    expect(out).not.toMatch(/requiredRoles|agentAllowlist|tools|every token/)
    expect((await servers())['files']).toEqual({
      transport: 'stdio',
      ...NPX,
      requiredRoles: ['reader'],
      agentAllowlist: ['desk'],
      tools: { include: ['read_*'] },
      timeoutMs: 5000,
      enabled: false,
    })
  })

  test('sets the roles that are asked for', async () => {
    await imported('c.json', { mcpServers: { files: NPX } }, '--replace', '--roles', 'a, b')
    expect((await servers())['files']).toMatchObject({ requiredRoles: ['a', 'b'], agentAllowlist: ['desk'] })
  })

  test('keeps credentials only where they go to the same place', async () => {
    const at = (url: string): Promise<unknown> =>
      imported('c.json', { mcpServers: { far: { url } } }, '--replace')
    await at('https://a.example.com/v2/mcp')
    expect((await servers())['far']).toHaveProperty('auth')
    await at('https://elsewhere.example.com/mcp')
    expect((await servers())['far']).not.toHaveProperty('auth')
  })
})

describe('what hinders one server hinders no other', () => {
  const ENTRIES = { mcpServers: { a: { command: 'new' }, b: NPX, bad: { url: 'ftp://x' } } }
  beforeEach(() => writeFile(registry, 'servers:\n  a: { transport: stdio, command: old }\n'))

  test('a clash and a bad entry are named, and the rest is imported', async () => {
    const { code, out, err } = await imported('c.json', ENTRIES)
    expect(code).toBe(65)
    expect(err).toMatch(/not valid and were left out:\n {2}local\/bad: url: /)
    expect(out).toMatch(/wrote 1 server to /)
    expect(Object.keys(await servers())).toEqual(['a', 'b'])
    expect((await servers())['a']).toMatchObject({ command: 'old' })
  })

  test('--skip-existing ends well, --prefix imports beside', async () => {
    const good = { mcpServers: { a: { command: 'new' } } }
    expect(await imported('c.json', good)).toMatchObject({ code: 1 })
    expect(await imported('c.json', good, '--skip-existing')).toMatchObject({ code: 0 })
    expect(await imported('c.json', good, '--prefix', 'desk')).toMatchObject({ code: 0 })
    expect((await servers())['desk-a']).toMatchObject({ command: 'new' })
  })
})

test('servers that every token may use are named, and --roles narrows them', async () => {
  const { out } = await imported('c.json', { mcpServers: { a: NPX, b: { ...NPX, requiredRoles: ['x'] } } })
  expect(out).toMatch(/^note: every token of the tenant may use a; --roles/m)
  const narrowed = await imported('d.json', { mcpServers: { c: NPX } }, '--roles', 'reader')
  expect(narrowed.out).not.toMatch(/every token/)
  expect((await servers())['c']).toMatchObject({ requiredRoles: ['reader'] })
})

describe('placeholders', () => {
  const CONFIG = {
    inputs: [{ id: 'gh', description: 'Your token', password: true }],
    servers: {
      github: {
        type: 'http',
        url: 'https://x.example.com/${REGION:-eu}',
        headers: { Authorization: 'Bearer ${input:gh}' },
      },
      local: { command: 'x', args: ['--key', '$MY_KEY'], env: { A: '${env:HOME_DIR}' } },
    },
  }

  test('are named with their places and what to do, and the server waits for them', async () => {
    const { code, out } = await imported('mcp.json', CONFIG)
    expect(code).toBe(0)
    expect(out).toContain(
      'fill in github.headers.Authorization: the gateway does not fill in ${input:gh}; give --set gh=VALUE; for a secret, prefer --set gh=secret://<tenant>_gh (Your token)\n',
    )
    expect(out).toContain('fill in local.args[1]: the gateway does not fill in $MY_KEY;')
    expect(out).toContain('fill in local.env.A: the gateway does not fill in ${env:HOME_DIR};')
    expect(await servers()).toMatchObject({
      github: { enabled: false, url: 'https://x.example.com/eu' },
      local: { enabled: false },
    })
  })

  test('of a bearer token may be given a reference to a secret, which becomes the auth of the server', async () => {
    await imported(
      'c.json',
      CONFIG,
      '--set',
      'gh=secret://local_gh',
      '--set',
      'MY_KEY=k',
      '--set',
      'HOME_DIR=/h',
    )
    const { github } = await servers()
    expect(github).toMatchObject({ auth: { kind: 'bearer', token: 'secret://local_gh' } })
    expect(github).not.toHaveProperty('headers')
  })

  test('take what --set gives, and the server is enabled then', async () => {
    await imported('mcp.json', CONFIG)
    const set = ['--set', 'gh=t', '--set', 'MY_KEY=k', '--set', 'HOME_DIR=secret://local_home']
    expect((await imported('mcp.json', CONFIG, '--replace', ...set)).out).not.toMatch(/fill in/)
    expect(await servers()).toEqual({
      github: { transport: 'http', url: 'https://x.example.com/eu', headers: { Authorization: 'Bearer t' } },
      local: { transport: 'stdio', command: 'x', args: ['--key', 'k'], env: { A: 'secret://local_home' } },
    })
  })
})

test('a file with comments and trailing commas is read', async () => {
  const text = '// VS Code\n{ "servers": { /* one */ "a": { "type": "stdio", "command": "x", }, }, }'
  expect(await imported('mcp.json', text)).toMatchObject({ code: 0 })
  expect(await servers()).toEqual({ a: { transport: 'stdio', command: 'x' } })
})

test('the configuration of Codex is read', async () => {
  const text =
    '# mine\n[mcp_servers.docs]\ncommand = "npx"\nargs = ["-y", "x"]\n[mcp_servers.docs.env]\nK = "v"\n'
  expect(await imported('config.toml', text)).toMatchObject({ code: 0 })
  expect(await servers()).toEqual({ docs: { transport: 'stdio', ...NPX, env: { K: 'v' } } })
  expect((await imported('config.toml', '[mcp_servers.x\nk = "hunter2"')).err).toMatch(
    /is not TOML: line 1, column \d+\n$/,
  )
})

test.each([
  [
    'a missing comma',
    '{\n  "mcpServers": {\n    "a": {"command": "x"}\n    "b": {"command": "hunter2"}\n  }\n}',
    'line 4, column 5',
  ],
  ['a missing bracket', '{ "mcpServers": {', 'line 1, column 18'],
])('a file with %s is refused with its place, and without its text', async (_what, text, place) => {
  const { code, err } = await imported('c.json', text)
  expect(code).toBe(65)
  expect(err).toContain(`is not JSON: ${place}: `)
  expect(err).not.toContain('hunter2')
})

test('--json says the same to programs, and nothing else', async () => {
  const { code, out } = await imported(
    'c.json',
    { mcpServers: { a: { ...NPX, env: { K: '$K' } } } },
    '--json',
  )
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({
    target: registry,
    isWritten: true,
    added: ['local/a'],
    replaced: [],
    existing: [],
    refused: [],
    openToEveryToken: ['a'],
    fillIn: [expect.stringContaining('a.env.K')],
    notes: [],
  })
})
