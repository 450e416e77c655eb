import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import { FileStore } from '../../../src/registry/file/file-store.ts'
import { writeExampleRegistry } from '../../../src/registry/file/example-registry.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-store-'))
  path = join(folder, 'registry.yaml')
})

afterEach(() => rm(folder, { recursive: true }))

const storeOf = (file = path): FileStore =>
  new FileStore({ path: file, defaultTenant: 'local', clock: systemClock })
const text = (file = path): Promise<string> => readFile(file, 'utf8')
const http = (name: string, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  name,
  tenantId: 'local',
  transport: 'sse',
  url: 'https://x.example.com/',
  ...fields,
})

async function etagOf(store: FileStore, name: string, tenantId = 'local'): Promise<string> {
  return (await store.get(tenantId, name))?.etag ?? 'none'
}

const YAML = `# The registry of the team. Ask Ann.

servers:   # all of them
  # Files, read only.
  files:
    transport: stdio       # started here
    package: '@modelcontextprotocol/server-filesystem'
    args:
      - "/data"   # the shared folder
    env: {  KEY: "a b",   OTHER: 'c' }
    requiredRoles: [reader,   editor]
    #enabled: false

  # Notes of everybody.
  notes: {transport: sse,   url: "https://notes.example.com/"}   # remote

  last:
    transport: streamable-http
    url: https://last.example.com/mcp
    tools:
      # Reading only.
      include: ['read_*']
      #exclude: [x]
    # Tuning, for later.

  #old:
  #  transport: stdio
# The end.
`

describe('a YAML file', () => {
  test.each<[string, string, Record<string, unknown>, [string, string][]]>([
    [
      'a scalar is replaced',
      'last',
      { transport: 'streamable-http', url: 'https://other.example.com/mcp', tools: { include: ['read_*'] } },
      [['    url: https://last.example.com/mcp\n', '    url: https://other.example.com/mcp\n']],
    ],
    [
      'fields are added after the last one of their map',
      'last',
      {
        transport: 'streamable-http',
        url: 'https://last.example.com/mcp',
        tools: { include: ['read_*'], 'create_*': { requiredRoles: ['editor'] } },
        timeoutMs: 5000,
      },
      [
        [
          '      #exclude: [x]\n',
          '      create_*:\n        requiredRoles:\n          - editor\n      #exclude: [x]\n    timeoutMs: 5000\n',
        ],
      ],
    ],
    [
      'a field is removed with its line',
      'last',
      { transport: 'streamable-http', url: 'https://last.example.com/mcp' },
      [["    tools:\n      # Reading only.\n      include: ['read_*']\n      #exclude: [x]\n", '']],
    ],
    [
      'a list is replaced',
      'files',
      {
        transport: 'stdio',
        package: '@modelcontextprotocol/server-filesystem',
        args: ['/data', '/more'],
        env: { KEY: 'a b', OTHER: 'c' },
        requiredRoles: ['reader', 'editor'],
      },
      [
        [
          '    args:\n      - "/data"   # the shared folder\n',
          '    args:\n      - /data\n      - /more   # the shared folder\n',
        ],
      ],
    ],
    [
      'a member of a flow map is replaced and one is added',
      'files',
      {
        transport: 'stdio',
        package: '@modelcontextprotocol/server-filesystem',
        args: ['/data'],
        env: { KEY: 'new', OTHER: 'c', THIRD: '3' },
        requiredRoles: ['reader', 'editor'],
      },
      [['env: {  KEY: "a b",   OTHER: \'c\' }', 'env: {  KEY: "new",   OTHER: \'c\', "THIRD": "3" }']],
    ],
    [
      'an entry in flow style is replaced',
      'notes',
      { transport: 'sse', url: 'https://notes.example.com/v2' },
      [['url: "https://notes.example.com/"', 'url: "https://notes.example.com/v2"']],
    ],
  ])('%s, and nothing else', async (_what, name, fields, replacements) => {
    await writeFile(path, YAML)
    const store = storeOf()
    const document = { name, tenantId: 'local', ...fields }
    const written = await store.replace(document, await etagOf(store, name))
    let expected = YAML
    for (const [from, to] of replacements) {
      expect(expected).toContain(from)
      expected = expected.replace(from, () => to)
    }
    expect(await text()).toBe(expected)
    expect(written).toEqual({ tenantId: 'local', name, document, etag: await etagOf(store, name) })
    expect((await store.get('local', name))?.document).toEqual(document)
  })

  test('gets a new entry after the last one, before what is commented out', async () => {
    await writeFile(path, YAML)
    await storeOf().create(http('fresh', { requiredRoles: ['reader'], headers: { 'x-key': 'a: b #c' } }))
    expect(await text()).toBe(
      YAML.replace(
        '    # Tuning, for later.\n',
        `    # Tuning, for later.
  fresh:
    transport: sse
    url: https://x.example.com/
    requiredRoles:
      - reader
    headers:
      x-key: "a: b #c"
`,
      ),
    )
  })

  test('loses a removed entry with its lines, and keeps every other comment', async () => {
    await writeFile(path, YAML)
    const store = storeOf()
    await store.remove('local', 'notes', await etagOf(store, 'notes'))
    expect(await text()).toBe(YAML.replace(/ {2}notes: .*\n/, ''))
    await store.remove('local', 'files', await etagOf(store, 'files'))
    expect(await text()).toBe(YAML.replace(/ {2}notes: .*\n/, '').replace(/ {2}files:\n[^]*?false\n/, ''))
  })

  test('can lose its last entry and get a first one', async () => {
    await writeFile(path, '# top\nservers:\n  a:\n    transport: sse\n    url: https://a.example.com/\n')
    const store = storeOf()
    await store.remove('local', 'a', await etagOf(store, 'a'))
    expect(await text()).toBe('# top\nservers: {}\n')
    await store.create(http('b'))
    expect(await text()).toBe('# top\nservers:\n  b:\n    transport: sse\n    url: https://x.example.com/\n')
  })

  test('without an end of line gets one before a new entry', async () => {
    await writeFile(path, 'servers:\n    a: {transport: sse, url: https://a.example.com/}')
    await storeOf().create(http('b'))
    expect(await text()).toBe(
      'servers:\n    a: {transport: sse, url: https://a.example.com/}\n    b:\n      transport: sse\n      url: https://x.example.com/\n',
    )
  })

  test('as the first start writes it can be edited', async () => {
    await writeExampleRegistry(path, { filesFolder: join(folder, 'files') })
    const before = await text()
    const store = storeOf()
    await store.create(http('fresh'))
    await store.remove('local', 'fresh', await etagOf(store, 'fresh'))
    expect(await text()).toBe(before)
  })

  test('with anchors is written anew where an edit would change others, comments kept', async () => {
    await writeFile(
      path,
      '# top\nservers:\n  a: &a\n    transport: sse\n    url: https://a.example.com/\n  b:\n    <<: *a\n    timeoutMs: 5\n',
    )
    const store = storeOf()
    const unchanged = await text()
    await expect(store.replace(http('a'), await etagOf(store, 'a'))).rejects.toMatchObject({
      code: 'invalid_document',
    })
    expect(await text()).toBe(unchanged)
    await store.replace(http('b', { transport: 'streamable-http', timeoutMs: 5 }), await etagOf(store, 'b'))
    expect(await text()).toMatch(/^# top\n/)
    expect((await store.list()).map(({ document }) => document)).toEqual([
      { name: 'a', tenantId: 'local', transport: 'sse', url: 'https://a.example.com/' },
      http('b', { transport: 'streamable-http', timeoutMs: 5 }),
    ])
  })

  test('keeps tenants and names apart', async () => {
    await writeFile(path, 'servers:\n  x: {transport: sse, url: https://a.example.com/, tenantId: acme}\n')
    const store = storeOf()
    expect(await store.get('local', 'x')).toBeUndefined()
    await store.create(http('x'))
    await store.create(http('x', { tenantId: '*' }))
    expect((await store.list()).map(({ tenantId, name }) => `${tenantId}/${name}`)).toEqual([
      'acme/x',
      'local/x',
      '*/x',
    ])
    expect(await text()).toContain('\n  local.x:\n    name: x\n')
    expect(await text()).toContain('\n  all.x:\n    name: x\n    tenantId: "*"\n')
  })
})

describe('a JSON file', () => {
  beforeEach(() => {
    path = join(folder, 'registry.json')
  })

  const value = {
    servers: {
      a: { transport: 'sse', url: 'https://a.example.com/', headers: { x: '1', y: '2' } },
      b: { transport: 'sse', url: 'https://b.example.com/' },
    },
  }

  test.each([
    ['over lines', JSON.stringify(value, undefined, 2)],
    ['with tabs', JSON.stringify(value, undefined, '\t')],
    ['on one line', JSON.stringify(value)],
  ])('%s stays JSON through every kind of write', async (_form, before) => {
    await writeFile(path, before)
    const store = storeOf()
    await store.create(http('c', { requiredRoles: ['reader'] }))
    await store.replace(
      http('a', { url: 'https://a2.example.com/', headers: { y: '2', z: '3' } }),
      await etagOf(store, 'a'),
    )
    await store.remove('local', 'b', await etagOf(store, 'b'))
    const after = await text()
    expect(JSON.parse(after)).toEqual({
      servers: {
        a: { transport: 'sse', url: 'https://a2.example.com/', headers: { y: '2', z: '3' } },
        c: { transport: 'sse', url: 'https://x.example.com/', requiredRoles: ['reader'] },
      },
    })
    expect(after.includes('\n')).toBe(before.includes('\n'))
  })

  test('written by the usual tools keeps its form', async () => {
    await writeFile(path, JSON.stringify(value, undefined, 2))
    const store = storeOf()
    await store.create(http('c', { headers: { k: 'v' } }))
    const c = { transport: 'sse', url: 'https://x.example.com/', headers: { k: 'v' } }
    expect(await text()).toBe(JSON.stringify({ servers: { ...value.servers, c } }, undefined, 2))
    for (const name of ['c', 'b', 'a']) await store.remove('local', name, await etagOf(store, name))
    expect(JSON.parse(await text())).toEqual({ servers: {} })
    await store.create(http('c', { headers: { k: 'v' } }))
    expect(await text()).toBe(JSON.stringify({ servers: { c } }, undefined, 2))
  })

  test('of a desktop client: a replaced entry moves to servers, a removed one goes', async () => {
    await writeFile(
      path,
      JSON.stringify({ mcpServers: { 'My Files': { command: 'x', autoApprove: [] }, b: { command: 'y' } } }),
    )
    const store = storeOf()
    const mine = await store.get('local', 'my-files')
    expect(mine?.document).toEqual({ name: 'my-files', tenantId: 'local', transport: 'stdio', command: 'x' })
    await store.replace({ ...mine?.document, enabled: false }, mine?.etag ?? '')
    await store.remove('local', 'b', await etagOf(store, 'b'))
    expect(JSON.parse(await text())).toEqual({
      mcpServers: {},
      servers: { 'my-files': { transport: 'stdio', command: 'x', enabled: false } },
    })
  })

  test('that does not exist is an empty registry, and is made for this user only', async () => {
    const store = storeOf()
    expect(await store.list()).toEqual([])
    await store.create(http('a'))
    expect(JSON.parse(await text())).toEqual({
      servers: { a: { transport: 'sse', url: 'https://x.example.com/' } },
    })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})
