import { describe, expect, test } from '@jest/globals'
import {
  documentsOfDesktopConfig,
  legalName,
  legalNames,
} from '../../../src/registry/clients/desktop-config.ts'

const documentOf = (entry: unknown): unknown => documentsOfDesktopConfig({ a: entry })[0]?.value

test.each([
  ['github', 'github'],
  ['GitHub (work)', 'github-work'],
  ['sequential_thinking', 'sequential-thinking'],
  ['1password', 'server-1password'],
  ['@scope/pkg', 'scope-pkg'],
  ['日本', 'server-cf2abf0c'],
  ['中文', 'server-72726d88'],
  ['x'.repeat(80), 'x'.repeat(40)],
  [`${'x'.repeat(39)} y`, 'x'.repeat(39)],
])('the name %j becomes %j', (text, name) => {
  expect(legalName(text)).toBe(name)
})

test.each<[string, string[], string[]]>([
  ['names of which no letter is left', ['中文', '日本'], ['server-72726d88', 'server-cf2abf0c']],
  ['the name that needs no change keeps it', ['My Server', 'my-server'], ['my-server-H', 'my-server']],
  ['else none has it', ['my server', 'My_Server'], ['my-server-H', 'my-server-H']],
  [
    'names that are too long',
    [`${'x'.repeat(45)}a`, `${'x'.repeat(45)}b`],
    [`${'x'.repeat(31)}-H`, `${'x'.repeat(31)}-H`],
  ],
])('%s: two that would get one name get different ones, whatever their order', (_case, texts, expected) => {
  const names = legalNames(texts)
  const shown = texts.map((text) => names.get(text)?.replace(/-[0-9a-f]{8}$/, '-H'))
  expect(shown).toEqual(expected.map((name) => name.replace(/-[0-9a-f]{7,8}$/, '-H')))
  expect(new Set(names.values()).size).toBe(2)
  expect(legalNames(texts.toReversed())).toEqual(new Map([...names].toReversed()))
})

describe('an entry', () => {
  test('has what is null in it as if it were not there, except for who may use the server', () => {
    expect(
      documentOf({
        type: null,
        command: 'x',
        args: null,
        env: { A: null, B: 'b' },
        url: null,
        headers: null,
        disabled: null,
      }),
    ).toEqual({ name: 'a', transport: 'stdio', command: 'x', env: { B: 'b' } })
    expect(
      documentOf({ command: 'x', requiredRoles: null, agentAllowlist: null, enabled: null, tools: null }),
    ).toEqual({
      name: 'a',
      transport: 'stdio',
      command: 'x',
      requiredRoles: null,
      agentAllowlist: null,
      enabled: null,
      tools: null,
    })
  })

  test('may have numbers and booleans among its arguments and headers', () => {
    expect(documentOf({ command: 'x', args: ['--port', 3000, true] })).toMatchObject({
      args: ['--port', '3000', 'true'],
    })
    expect(documentOf({ url: 'https://x.example.com', headers: { a: 1, b: false } })).toMatchObject({
      headers: { a: '1', b: 'false' },
    })
  })

  test.each([
    [{ type: 'STDIO', command: 'x' }, 'stdio'],
    [{ type: 'local', command: 'x' }, 'stdio'],
    [{ transport: 'Stdio', command: 'x' }, 'stdio'],
    [{ type: 'sse', command: 'x' }, 'stdio'],
    [{ type: 'SSE', url: 'https://x.example.com' }, 'sse'],
    [{ type: 'remote', url: 'https://x.example.com' }, 'http'],
    [{ type: 'stdio', url: 'https://x.example.com' }, 'http'],
    [{ transport: 'StreamableHTTP', url: 'https://x.example.com' }, 'streamable-http'],
  ])('%j has transport %s', (entry, transport) => {
    expect(documentOf(entry)).toMatchObject({ transport })
  })

  test('with a command is a stdio server, npx and its arguments untouched', () => {
    expect(
      documentsOfDesktopConfig({
        'My Files': { command: 'npx', args: ['-y', 'some-server', '/data'], env: { KEY: 'v' }, cwd: '/tmp' },
      }),
    ).toEqual([
      {
        id: 'mcpServers.My Files',
        value: {
          name: 'my-files',
          transport: 'stdio',
          command: 'npx',
          args: ['-y', 'some-server', '/data'],
          env: { KEY: 'v' },
          cwd: '/tmp',
        },
      },
    ])
  })

  test.each([
    [undefined, 'http'],
    ['http', 'http'],
    ['streamable-http', 'streamable-http'],
    ['sse', 'sse'],
    ['streamableHttp', 'streamable-http'],
    ['streamable_http', 'streamable-http'],
    ['pigeon', 'pigeon'],
  ])('with a url and type %j has transport %j', (type, transport) => {
    expect(documentOf({ ...(type && { type }), url: 'https://x.example.com', headers: { a: 'b' } })).toEqual({
      name: 'a',
      transport,
      url: 'https://x.example.com',
      headers: { a: 'b' },
    })
  })

  test.each(['serverUrl', 'httpUrl'])('may call its url %s', (field) => {
    expect(documentOf({ [field]: 'https://x.example.com' })).toEqual({
      name: 'a',
      transport: 'http',
      url: 'https://x.example.com',
    })
  })

  test('may have numbers and booleans in its environment, where a process gets text', () => {
    expect(documentOf({ command: 'x', env: { PORT: 3000, DEBUG: true, NAME: 'n' } })).toMatchObject({
      env: { PORT: '3000', DEBUG: 'true', NAME: 'n' },
    })
  })

  test('keeps what limits access and drops what only clients know', () => {
    expect(
      documentOf({
        type: 'stdio',
        command: 'x',
        disabled: true,
        autoApprove: ['*'],
        alwaysAllow: [],
        timeout: 60,
        requiredRoles: ['admin'],
        tools: ['read_*'],
      }),
    ).toEqual({
      name: 'a',
      transport: 'stdio',
      command: 'x',
      enabled: false,
      requiredRoles: ['admin'],
      tools: { include: ['read_*'] },
    })
  })

  test('keeps wrong values, for the schema to refuse', () => {
    expect(documentOf({ command: 5, disabled: 'no', tools: { x: {} } })).toEqual({
      name: 'a',
      transport: 'stdio',
      command: 5,
      enabled: 'no',
      tools: { x: {} },
    })
    expect(documentOf('npx')).toBe('npx')
  })

  test('that is disabled is not enabled, and has no field of that name', () => {
    expect(documentOf({ command: 'x', disabled: true })).toEqual({
      name: 'a',
      transport: 'stdio',
      command: 'x',
      enabled: false,
    })
  })

  test('that is not disabled is enabled', () => {
    expect(documentOf({ command: 'x', disabled: false })).toMatchObject({ enabled: true })
  })
})
