import type { Family, Row } from '../row.ts'
import type { Reply } from '../world/send.ts'
import type { World } from '../world/world.ts'

const inSession = async (method: string, params: unknown, world: World, id: string): Promise<Reply> =>
  world.post('/mcp', JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), {
    ...(await world.inSession()),
    'x-request-id': id,
  })

/** Names that no tool has, by what is odd about them. */
const NAMES: Readonly<Record<string, string>> = {
  'a member of all objects': '__proto__',
  'another member of all objects': 'constructor',
  'a method of all objects': 'toString',
  'the name of a class': 'hasOwnProperty',
  'only a prefix': 'echo_',
  'only a suffix': '_say',
  'the server alone': 'echo',
  'a member of objects at a server': 'echo___proto__',
  'another one': 'echo_constructor',
  'a path': '../echo_say',
  'a path in the tool': 'echo_../hidden_say',
  capitals: 'ECHO_SAY',
  'capitals in the server': 'Echo_say',
  'a space before': ' echo_say',
  'a space behind': 'echo_say ',
  'a newline behind': 'echo_say\n',
  'NUL behind': 'echo_say\0',
  'NUL within': 'echo\0_say',
  'an emoji': '😀',
  'a homoglyph': 'есho_say',
  'wide letters': 'ｅｃｈｏ_say',
  'a zero-width space': 'echo​_say',
  'a right-to-left mark': '‮echo_say',
  'a combining letter': 'écho_say',
  'two underscores': 'echo__say',
  'a dot in place of the underscore': 'echo.say',
  'a slash in place of the underscore': 'echo/say',
  'the server of another tenant': 'canary_say',
  'another tenant in the name': 'globex/canary_say',
  'a pattern': 'echo_*',
  'a regular expression': 'echo_(say|x)',
  SQL: "echo_say' OR '1'='1",
  'a template': '${echo_say}',
  HTML: '<script>alert(1)</script>',
  'an address': 'https://evil.example/echo_say',
  'a server of the gateway': 'gateway_stop',
  'a pipeline that is not there': 'pipeline_none',
  '10 KB': 'x'.repeat(10_240),
  'a server that the caller may not use': 'hidden_say',
  'a tool that the server does not have': 'echo_none',
}

/** Names that are like that of a tool which the caller may use: the answer says so. */
const SUGGESTED: ReadonlySet<string> = new Set(
  [
    'only a prefix',
    'only a suffix',
    'the server alone',
    'capitals',
    'capitals in the server',
    'a space before',
    'a space behind',
    'a newline behind',
    'NUL behind',
    'NUL within',
    'a homoglyph',
    'a zero-width space',
    'a right-to-left mark',
    'a combining letter',
    'two underscores',
    'a dot in place of the underscore',
    'a slash in place of the underscore',
  ].map((what) => NAMES[what] ?? ''),
)

/** The answer to a name. */
function unknown(name: string): string {
  const hint = SUGGESTED.has(name) ? '. Did you mean echo_say? {"suggestions":["echo_say"]}' : ''
  return `Unknown tool: ${name.slice(0, 256)}${hint}`
}

/** The same answer for all of them, in each era. */
const CALLED: readonly Row[] = Object.entries(NAMES).flatMap(([what, name]) => [
  {
    what: `${what}, in a session`,
    send: (world: World, id: string) => inSession('tools/call', { name, arguments: {} }, world, id),
    answer: `200 -32602 tool_not_found: ${unknown(name)}`.slice(0, 300).trim(),
    records: 1,
  },
  {
    what: `${what}, as 2026-07-28`,
    send: (world: World, id: string) => world.modern('tools/call', { name, arguments: {} }, id),
    answer: `200 -32602 tool_not_found: ${unknown(name)}`.slice(0, 300).trim(),
    records: 1,
  },
  {
    what: `${what}, over REST`,
    send: (world: World, id: string) =>
      world.post(`/v1/tools/${encodeURIComponent(name.toWellFormed())}`, '{}', { 'x-request-id': id }),
    answer: `404 tool_not_found: ${unknown(name.toWellFormed())}`.slice(0, 300).trim(),
    records: 1,
  },
])

/** Names of tools that are none. */
export const names: Family = { name: 'names of tools', rows: () => CALLED }
