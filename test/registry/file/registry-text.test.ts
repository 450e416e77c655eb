import { describe, expect, test } from '@jest/globals'
import { readLargeRegistryText, readRegistryText } from '../../../src/registry/file/registry-text.ts'

const NO_SECTIONS = {
  tenants: { documents: [] },
  templates: { documents: [] },
  pipelines: { documents: [] },
  enhancement_rules: { documents: [] },
}

describe('a registry text', () => {
  test('in YAML and the same in JSON say the same', () => {
    const yaml = readRegistryText('servers:\n  a:\n    transport: stdio\n    command: node\n')
    const json = readRegistryText('{"servers": {"a": {"transport": "stdio", "command": "node"}}}')
    expect(yaml).toEqual({
      documents: [{ id: 'a', value: { transport: 'stdio', command: 'node' } }],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: [],
    })
    expect(json).toEqual(yaml)
  })

  test('may be a YAML flow map', () => {
    expect(readRegistryText('{servers: {a: {transport: sse}}}')).toEqual({
      documents: [{ id: 'a', value: { transport: 'sse' } }],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: [],
    })
  })

  test('may have servers and mcpServers side by side, under one key each', () => {
    expect(readRegistryText('servers: {a: {transport: sse}}\nmcpServers: {a: {command: x}}')).toEqual({
      documents: [
        { id: 'a', value: { transport: 'sse' } },
        { id: 'mcpServers.a', value: { name: 'a', transport: 'stdio', command: 'x' } },
      ],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: [],
    })
  })

  test('may be a desktop configuration as it is', () => {
    expect(readRegistryText('{"mcpServers": {}, "globalShortcut": "x"}')).toEqual({
      documents: [],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: ['unknown section "globalShortcut" is ignored'],
    })
  })

  test('may have no server left, if it says so: a file that was cut off looks like one without a value', () => {
    expect(readRegistryText('servers: {}\n')).toEqual({
      documents: [],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: [],
    })
    expect(readRegistryText('servers:\n#  a: x\n')).toEqual({
      problem: '`servers` has no value; write `servers: {}` to have none',
    })
  })

  test('may be JSON with comments and trailing commas, as editors write it', () => {
    const text =
      '// my servers\n{ /* all */ "mcpServers": { "a": { "command": "x", "args": ["//y",], }, }, }\n'
    expect(readRegistryText(text)).toEqual({
      documents: [
        { id: 'mcpServers.a', value: { name: 'a', transport: 'stdio', command: 'x', args: ['//y'] } },
      ],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: [],
    })
  })

  test("may be an editor's file, with inputs and types", () => {
    const text = JSON.stringify({
      inputs: [{ id: 'key', type: 'promptString', password: true }],
      servers: {
        'My Files': { command: 'npx', args: ['x'], dev: { watch: '*' } },
        api: { type: 'http', url: 'https://x.example.com', headers: { a: '${input:key}' }, gallery: true },
        old: { type: 'sse', url: 'https://y.example.com' },
      },
    })
    expect(readRegistryText(text)).toEqual({
      documents: [
        { id: 'My Files', value: { name: 'my-files', transport: 'stdio', command: 'npx', args: ['x'] } },
        {
          id: 'api',
          value: {
            name: 'api',
            transport: 'http',
            url: 'https://x.example.com',
            headers: { a: '${input:key}' },
          },
        },
        { id: 'old', value: { name: 'old', transport: 'sse', url: 'https://y.example.com' } },
      ],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes: ['section "inputs" has no effect: the gateway does not prompt for inputs or fill in ${input:…}'],
    })
  })

  test.each([
    [
      { command: 'x', pool: { max: 2 } },
      { transport: 'stdio', command: 'x', pool: { max: 2 } },
    ],
    [{ package: 'a@1.0.0' }, { transport: 'stdio', package: 'a@1.0.0' }],
    [
      { url: 'https://x.example.com', requiredRole: ['r'] },
      { transport: 'http', url: 'https://x.example.com', requiredRole: ['r'] },
    ],
    [
      { instances: [{ url: 'https://x.example.com' }] },
      { transport: 'http', instances: [{ url: 'https://x.example.com' }] },
    ],
    [
      { command: 'x', disabled: true },
      { transport: 'stdio', command: 'x', enabled: false },
    ],
    [{ requiredRoles: ['r'] }, { requiredRoles: ['r'] }],
  ])('may leave out the transport of %j, and no field of it is lost', (entry, value) => {
    expect(readRegistryText(JSON.stringify({ servers: { a: entry } }))).toMatchObject({
      documents: [{ id: 'a', value }],
    })
  })

  test("may not have a mistyped rule among a client's fields, which would open the server", () => {
    const read = readRegistryText(
      '{"mcpServers": {"a": {"command": "x", "required_roles": ["r"], "timeout": 5}}}',
    )
    expect(read).toMatchObject({ documents: [{ value: { command: 'x', required_roles: ['r'] } }] })
  })

  test.each([
    ['confirm: removal-1a2b', ['removal-1a2b']],
    ['confirm: [tenants, removal-1a2b, 5]', ['tenants', 'removal-1a2b']],
    ['confirm: {a: b}', []],
  ])('with %s confirms what is named there', (line, ids) => {
    expect(readRegistryText(`servers: {}\n${line}`)).toMatchObject({ confirmed: new Set(ids), notes: [] })
  })

  test('may have other sections, maps from id to whatever stands there', () => {
    expect(
      readRegistryText(
        'servers: {}\ntenants: {acme: {}, 5: x}\ntemplates: {t: {a: 1}}\npipelines: {p: []}\nenhancement_rules: {r: 1}',
      ),
    ).toEqual({
      documents: [],
      sections: {
        tenants: {
          documents: [
            { id: '5', value: 'x' },
            { id: 'acme', value: {} },
          ],
        },
        templates: { documents: [{ id: 't', value: { a: 1 } }] },
        pipelines: { documents: [{ id: 'p', value: [] }] },
        enhancement_rules: { documents: [{ id: 'r', value: 1 }] },
      },
      confirmed: new Set(),
      notes: [],
    })
  })

  test('with a section beside the servers that is no map has the problem there only', () => {
    expect(readRegistryText('servers: {a: 1}\ntenants:\ntemplates: [t]\npipelines: 5')).toEqual({
      documents: [{ id: 'a', value: 1 }],
      sections: {
        tenants: { problem: 'no value; write `tenants: {}` to have none' },
        templates: { problem: 'expected a map from id to document' },
        pipelines: { problem: 'expected a map from id to document' },
        enhancement_rules: { documents: [] },
      },
      confirmed: new Set(),
      notes: [],
    })
  })

  test.each([
    ['gateway: 5', ['section "gateway" has no effect in this version']],
    ['gateway: {}', []],
  ])('notes a section without effect, unless it is empty: %s', (section, notes) => {
    expect(readRegistryText(`servers: {}\n${section}`)).toEqual({
      documents: [],
      sections: NO_SECTIONS,
      confirmed: new Set(),
      notes,
    })
  })

  test('may merge anchors', () => {
    expect(readRegistryText('servers:\n  a: &a {transport: stdio}\n  b: {<<: *a, command: x}')).toMatchObject(
      {
        documents: [{ id: 'a' }, { id: 'b', value: { transport: 'stdio', command: 'x' } }],
      },
    )
  })

  const bomb = Array.from({ length: 9 }, (_, level) => {
    const members =
      level === 0
        ? '[x, x, x, x, x, x, x, x, x]'
        : `[${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`
    return `a${level}: &a${level} ${members}`
  }).join('\n')

  test.each([
    ['nothing', '', 'the file is empty'],
    ['only white space', ' \n', 'the file is empty'],
    ['only a comment', '# soon', 'expected a map with `servers` or `mcpServers`'],
    ['a list', '[1]', 'expected a map with `servers` or `mcpServers`'],
    ['other keys', 'a: 1', '`servers` and `mcpServers` are both missing'],
    ['servers as a list', 'servers: []', '`servers`: expected a map from name to document'],
    ['mcpServers as a word', 'mcpServers: x', '`mcpServers`: expected a map from name to entry'],
    ['an open bracket', 'servers:\n  a: [1\n  b: 2', 'line 3, column 3: bad indent'],
    ['a name twice', 'servers:\n  a: 1\n  a: 2', 'line 3, column 3: duplicate key'],
    ['broken JSON', '{"servers": {"a": {"env": {"KEY": "hunter2}}}}', 'line 1, column 47: missing char'],
    ['an alias of nothing', 'servers: *x', 'aliases cannot be resolved, or there are too many'],
    ['an alias bomb', `${bomb}\nservers: {}`, 'aliases cannot be resolved, or there are too many'],
    ['two documents', 'servers: {}\n---\nservers: {}', 'line 2, column 1: multiple docs'],
  ])('with %s is a problem that repeats nothing of it', (_case, text, problem) => {
    expect(readRegistryText(text)).toEqual({ problem })
  })

  test('that nests without end is a problem', () => {
    expect(readRegistryText(`servers: ${'['.repeat(20_000)}`)).toEqual({
      problem: expect.stringContaining('line 1'),
    })
  })
})

describe('a large text', () => {
  const lines = (count: number): string =>
    `servers:\n${Array.from({ length: count }, (_, index) => `  s${index}: { transport: sse, url: 'https://x${index}.example.com' }`).join('\n')}`

  test('in YAML says the same, and other work gets its turn while it is read', async () => {
    const text = lines(1200)
    let turns = 0
    const timer = setInterval(() => (turns += 1), 1)
    const read = await readLargeRegistryText(text)
    clearInterval(timer)
    expect(read).toEqual(readRegistryText(text))
    expect(turns).toBeGreaterThan(3)
  })

  test.each([
    ['a mistake', `${lines(1200)}\n  bad: [`],
    ['an alias that holds itself', `${lines(1200)}\n  a: &a { b: *a }`],
    ['levels without end', `${lines(1200)}\n  a: ${'['.repeat(5000)}${']'.repeat(5000)}`],
  ])('with %s has a problem', async (_case, text) => {
    expect(await readLargeRegistryText(text)).toEqual({ problem: expect.any(String) })
  })

  test('in JSON is read as any other', async () => {
    const servers = Object.fromEntries(
      Array.from({ length: 2000 }, (_, index) => [`s${index}`, { transport: 'sse' }]),
    )
    const text = JSON.stringify({ servers })
    expect(await readLargeRegistryText(text)).toEqual(readRegistryText(text))
  })
})
