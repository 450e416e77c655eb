import { describe, expect, test } from '@jest/globals'
import { readClientConfig } from '../../../src/registry/clients/client-config.ts'
import { documentsOfDesktopConfig } from '../../../src/registry/clients/desktop-config.ts'

const documentsIn = (root: object): unknown[] | undefined => {
  const config = readClientConfig({ ...root })
  return config && documentsOfDesktopConfig(config.entries).map(({ value }) => value)
}
const NPX = { command: 'npx', args: ['-y', 'x'] }
const STDIO = { ...NPX, transport: 'stdio' }

describe('the configuration of', () => {
  test.each<[string, object, object[]]>([
    ['Claude Desktop', { mcpServers: { a: NPX } }, [{ name: 'a', ...STDIO }]],
    [
      'Claude Code, with its projects',
      {
        mcpServers: { a: { type: 'stdio', ...NPX, env: {} } },
        projects: { '/home/me/shop': { mcpServers: { a: { type: 'sse', url: 'https://x/sse' } } }, '/b': {} },
      },
      [
        { name: 'a', ...STDIO, env: {} },
        { name: 'a-shop', transport: 'sse', url: 'https://x/sse' },
      ],
    ],
    [
      'VS Code',
      {
        inputs: [{ id: 't' }],
        servers: { a: { type: 'stdio', ...NPX }, b: { type: 'http', url: 'https://x/mcp' } },
      },
      [
        { name: 'a', ...STDIO },
        { name: 'b', transport: 'http', url: 'https://x/mcp' },
      ],
    ],
    ['VS Code in its settings', { mcp: { servers: { a: NPX } } }, [{ name: 'a', ...STDIO }]],
    [
      'Windsurf',
      { mcpServers: { a: { serverUrl: 'https://x/mcp', disabledTools: ['rm'] } } },
      [{ name: 'a', transport: 'http', url: 'https://x/mcp', tools: { exclude: ['rm'] } }],
    ],
    [
      'Gemini CLI',
      {
        mcpServers: {
          a: { httpUrl: 'https://x/mcp', includeTools: ['read'], excludeTools: ['rm'], trust: true },
        },
      },
      [{ name: 'a', transport: 'http', url: 'https://x/mcp', tools: { include: ['read'], exclude: ['rm'] } }],
    ],
    [
      'Codex',
      {
        mcp_servers: {
          a: { ...NPX, enabled: false, enabled_tools: ['read'] },
          b: { url: 'https://x/mcp', bearer_token_env_var: 'KEY' },
        },
      },
      [
        { name: 'a', ...STDIO, enabled: false, tools: { include: ['read'] } },
        { name: 'b', transport: 'http', url: 'https://x/mcp', headers: { Authorization: 'Bearer ${KEY}' } },
      ],
    ],
    [
      'Zed',
      {
        context_servers: {
          a: { source: 'custom', command: { path: 'npx', args: ['-y', 'x'], env: null } },
          b: { settings: {} },
        },
      },
      [{ name: 'a', ...STDIO }],
    ],
    [
      'Cline and Roo',
      { mcpServers: { a: { ...NPX, disabled: true, alwaysAllow: ['x'], timeout: 60 } } },
      [{ name: 'a', ...STDIO, enabled: false }],
    ],
    [
      'opencode',
      { mcp: { a: { type: 'local', command: ['npx', '-y', 'x'], environment: { K: 'v' } } } },
      [{ name: 'a', ...STDIO, env: { K: 'v' } }],
    ],
  ])('%s is understood', (_client, root, expected) => {
    expect(documentsIn(root)).toEqual(expected)
  })
})

test.each([
  ['a registry of the gateway', { servers: { a: { transport: 'stdio', command: 'x' } } }],
  [
    'one that has entries of a client beside it',
    { servers: { a: { package: 'x', transport: 'stdio' } }, mcpServers: {} },
  ],
  ['anything else', { a: 1, projects: 'x', mcp: 5 }],
])('%s is not taken for one', (_what, root) => {
  expect(readClientConfig(root)).toBeUndefined()
})

test('what cannot be taken over is said', () => {
  const { notes } =
    readClientConfig({ servers: { a: { ...NPX, envFile: '.env' } }, context_servers: { b: {} } }) ?? {}
  expect(notes).toEqual([
    'b: it has neither a command nor a URL and was left out',
    'a: envFile cannot be imported; see docs/registry.md',
  ])
})
