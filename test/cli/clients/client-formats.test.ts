import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parse as parseToml } from 'smol-toml'
import { type ClientEntry, withEntry } from '../../../src/cli/clients/client-file.ts'
import { CLIENT_FORMATS, type GatewayForClient } from '../../../src/registry/clients/client-formats.ts'
import { jsonOfJsonc } from '../../../src/registry/file/jsonc.ts'
import { PARSED_CLIENTS, readAs } from '../../support/client-parsers.ts'

const GATEWAY: GatewayForClient = {
  url: 'http://127.0.0.1:8080/mcp',
  name: 'gateway',
  token: undefined,
  signsIn: false,
  bridge: ['tool-gateway', 'connect'],
}

function formatOf(id: string): (typeof CLIENT_FORMATS)[number] {
  const format = CLIENT_FORMATS.find((each) => each.id === id)
  if (format === undefined) throw new Error(`no client ${id}`)
  return format
}

function entryOf(id: string, gateway: Partial<GatewayForClient> = {}): ClientEntry {
  const { entryOf: entry, inputsOf } = formatOf(id)
  const given = { ...GATEWAY, ...gateway }
  return { name: 'gateway', entry: entry(given), inputs: inputsOf?.(given) ?? [] }
}

describe.each(PARSED_CLIENTS)('what is written for %s', (id) => {
  test.each<[string, Partial<GatewayForClient>]>([
    ['with the token from where the client has it', {}],
    ['with a token', { token: 'abc.def' }],
    ['to sign in', { signsIn: true }],
  ])('is read by it, %s', (_how, gateway) => {
    const text = withEntry(formatOf(id), '', entryOf(id, gateway))
    expect(JSON.stringify(readAs(id, text ?? ''))).toContain('http://127.0.0.1:8080/mcp')
  })
})

test.each(CLIENT_FORMATS.map(({ id }) => id))(
  'the page of %s shows what is written, and when the format was checked',
  (id) => {
    const page = readFileSync(join(import.meta.dirname, `../../../docs/clients/${id}.md`), 'utf8')
    const shown = /```(?:json|toml)\n(.*?)```/s.exec(page)?.[1] ?? ''
    const token = shown.includes('<token>') ? '<token>' : undefined
    const text = withEntry(formatOf(id), '', entryOf(id, { token })) ?? ''
    const read = formatOf(id).kind === 'toml' ? parseToml : (json: string): unknown => JSON.parse(json)
    expect(read(shown)).toEqual(read(text))
    expect(page).toMatch(/\nFormat checked on \d{4}-\d\d-\d\d: <https:[^>]+>\.\n$/)
  },
)

test('the token stands where each client looks for it', () => {
  const headers = (id: string, gateway = {}): unknown => entryOf(id, gateway).entry['headers']
  expect(headers('claude-code')).toEqual({ Authorization: 'Bearer ${TOOL_GATEWAY_TOKEN}' })
  expect(headers('cursor')).toEqual({ Authorization: 'Bearer ${env:TOOL_GATEWAY_TOKEN}' })
  expect(headers('vscode')).toEqual({ Authorization: 'Bearer ${input:tool-gateway-token}' })
  expect(entryOf('vscode').inputs).toMatchObject([{ id: 'tool-gateway-token', password: true }])
  expect(entryOf('codex').entry['bearer_token_env_var']).toBe('TOOL_GATEWAY_TOKEN')
  expect(headers('zed')).toBeUndefined()
  expect(headers('zed', { token: 'x' })).toEqual({ Authorization: 'Bearer x' })
  expect(headers('gemini', { signsIn: true })).toBeUndefined()
})

describe('what else is in a file stays as it is', () => {
  const wanted = entryOf('zed', { token: 'x' })

  test('comments, order and trailing commas of JSON', () => {
    const text = `// mine
{
  "theme": "One", // dark
  "context_servers": {
    /* local */
    "files": { "command": "npx", "args": ["a",], },
  },
  "vim": true,
}
`
    const after = withEntry(formatOf('zed'), text, wanted) ?? ''
    expect(after).toContain('// mine\n')
    expect(after).toContain('"theme": "One", // dark\n')
    expect(after).toContain('/* local */\n    "files": { "command": "npx", "args": ["a",], },')
    expect(JSON.parse(jsonOfJsonc(after))).toEqual({
      theme: 'One',
      context_servers: { files: { command: 'npx', args: ['a'] }, gateway: wanted.entry },
      vim: true,
    })
    expect(withEntry(formatOf('zed'), after, wanted)).toBe(after)
  })

  test('a file without the section, and one with another entry of the name', () => {
    expect(JSON.parse(withEntry(formatOf('zed'), '{ "vim": true }', wanted) ?? '')).toEqual({
      vim: true,
      context_servers: { gateway: wanted.entry },
    })
    const other = '{"context_servers": {"gateway": {"url": "http://old/"}, "b": {"command": "x"}}}'
    expect(JSON.parse(withEntry(formatOf('zed'), other, wanted) ?? '')).toEqual({
      context_servers: { gateway: wanted.entry, b: { command: 'x' } },
    })
  })

  test('tables and comments of TOML', () => {
    const text = `# mine
model = "o"

[mcp_servers.gateway]
url = "http://old/"
http_headers = { "X" = "y" }

[mcp_servers.other] # stays
command = "x"
`
    const after = withEntry(formatOf('codex'), text, entryOf('codex')) ?? ''
    expect(after).toContain('# mine\nmodel = "o"\n')
    expect(after).toContain('\n[mcp_servers.other] # stays\ncommand = "x"\n')
    expect(parseToml(after)).toEqual({
      model: 'o',
      mcp_servers: {
        gateway: { url: 'http://127.0.0.1:8080/mcp', bearer_token_env_var: 'TOOL_GATEWAY_TOKEN' },
        other: { command: 'x' },
      },
    })
    expect(parseToml(withEntry(formatOf('codex'), 'model = "o"', entryOf('codex')) ?? '')).toMatchObject({
      model: 'o',
      mcp_servers: { gateway: {} },
    })
  })

  test('inputs of VS Code', () => {
    const text = '{"inputs": [{"type": "promptString", "id": "own", "description": "d"}], "servers": {}}'
    expect(readAs('vscode', withEntry(formatOf('vscode'), text, entryOf('vscode')) ?? '')).toMatchObject({
      inputs: [{ id: 'own' }, { id: 'tool-gateway-token' }],
      servers: { gateway: { type: 'http' } },
    })
    const without = withEntry(formatOf('vscode'), '{"servers": {"a": {"command": "x"}}}', entryOf('vscode'))
    expect(readAs('vscode', without ?? '')).toMatchObject({ inputs: [{ id: 'tool-gateway-token' }] })
  })

  test('a text that is not JSON is not touched', () => {
    expect(withEntry(formatOf('cursor'), '{ "mcpServers": ', entryOf('cursor'))).toBeUndefined()
    expect(withEntry(formatOf('cursor'), '[]', entryOf('cursor'))).toBeUndefined()
  })
})
