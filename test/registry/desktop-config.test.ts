import { describe, expect, test } from '@jest/globals'
import { documentsOfDesktopConfig, legalName } from '../../src/registry/desktop-config.ts'

const documentOf = (entry: unknown): unknown => documentsOfDesktopConfig({ a: entry })[0]?.value

test.each([
  ['github', 'github'],
  ['GitHub (work)', 'github-work'],
  ['sequential_thinking', 'sequential-thinking'],
  ['1password', 'server-1password'],
  ['@scope/pkg', 'scope-pkg'],
  ['日本', 'server'],
  ['', 'server'],
  ['x'.repeat(80), 'x'.repeat(40)],
  [`${'x'.repeat(39)} y`, 'x'.repeat(39)],
])('the name %j becomes %j', (text, name) => {
  expect(legalName(text)).toBe(name)
})

describe('an entry', () => {
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

  test('that is not disabled is enabled', () => {
    expect(documentOf({ command: 'x', disabled: false })).toMatchObject({ enabled: true })
  })
})
