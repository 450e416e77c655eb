import { type Family, type Row, table } from '../row.ts'
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

const SHAPES = table(
  ([method, params]: readonly [string, unknown], world, id) => inSession(method, params, world, id),
  {
    'no name': [
      ['tools/call', { arguments: {} }],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'null as name': [
      ['tools/call', { name: null }],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'a number as name': [
      ['tools/call', { name: 5 }],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'a list as name': [
      ['tools/call', { name: ['echo_say'] }],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'an object as name': [
      ['tools/call', { name: { toString: 'echo_say' } }],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'an empty name': [
      ['tools/call', { name: '' }],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'no parameters': [
      ['tools/call', undefined],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'no URI': [['resources/read', {}], '200 -32602 invalid_arguments: uri must be a non-empty string'],
    'a number as URI': [
      ['resources/read', { uri: 5 }],
      '200 -32602 invalid_arguments: uri must be a non-empty string',
    ],
    'an empty URI': [
      ['resources/read', { uri: '' }],
      '200 -32602 invalid_arguments: uri must be a non-empty string',
    ],
    'a file as URI': [
      ['resources/read', { uri: 'file:///etc/passwd' }],
      '200 -32602 resource_not_found: Unknown resource: file:///etc/passwd',
      { records: 1 },
    ],
    'a file with NUL as URI': [
      ['resources/read', { uri: 'file:///etc/passwd\0' }],
      '200 -32602 resource_not_found: Unknown resource: file:///etc/passwd\u0000',
      { records: 1 },
    ],
    'metadata of the cloud as URI': [
      ['resources/read', { uri: 'http://169.254.169.254/latest/meta-data' }],
      '200 -32602 resource_not_found: Unknown resource: http://169.254.169.254/latest/meta-data',
      { records: 1 },
    ],
    'a script as URI': [
      ['resources/read', { uri: 'javascript:alert(1)' }],
      '200 -32602 resource_not_found: Unknown resource: javascript:alert(1)',
      { records: 1 },
    ],
    'a URI of 100 KB': [
      ['resources/read', { uri: `by-hand://${'a'.repeat(100_000)}` }],
      '200 -32602 invalid_arguments: uri must have at most 8192 characters',
    ],
    'a URI of the server of another tenant': [
      ['resources/read', { uri: 'canary+by-hand://a' }],
      '200 -32602 resource_not_found: Unknown resource: canary+by-hand://a',
      { records: 1 },
    ],
    'a URI of a hidden server': [
      ['resources/read', { uri: 'hidden+by-hand://a' }],
      '200 -32602 resource_not_found: Unknown resource: hidden+by-hand://a',
      { records: 1 },
    ],
    'to watch a file': [
      ['resources/subscribe', { uri: 'file:///etc/passwd' }],
      '200 -32602 resource_not_found: Unknown resource: file:///etc/passwd',
      { records: 1 },
    ],
    'to watch without a URI': [
      ['resources/subscribe', {}],
      '200 -32602 invalid_arguments: uri must be a non-empty string',
    ],
    'to end watching what was never watched': [
      ['resources/unsubscribe', { uri: 'by-hand://none' }],
      '200 #1 {}',
    ],
    'a prompt of all objects': [
      ['prompts/get', { name: '__proto__' }],
      '200 -32602 prompt_not_found: Unknown prompt: __proto__',
      { records: 1 },
    ],
    'a prompt of a hidden server': [
      ['prompts/get', { name: 'hidden_greet' }],
      '200 -32602 prompt_not_found: Unknown prompt: hidden_greet',
      { records: 1 },
    ],
    'a prompt without a name': [
      ['prompts/get', {}],
      '200 -32602 invalid_arguments: name must be a non-empty string',
    ],
    'a prompt with a list as arguments': [
      ['prompts/get', { name: 'echo_greet', arguments: [] }],
      '200 -32602 invalid_arguments: arguments must be an object',
    ],
    'a completion of nothing': [
      ['completion/complete', {}],
      '200 -32602 invalid_arguments: ref.type must be ref/prompt or ref/resource',
    ],
    'a completion with a reference of all objects': [
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: '__proto__' }, argument: { name: 'a', value: '' } },
      ],
      '200 -32602 prompt_not_found: Unknown prompt: __proto__',
      { records: 1 },
    ],
    'a completion of a hidden prompt': [
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'hidden_greet' }, argument: { name: 'a', value: '' } },
      ],
      '200 -32602 prompt_not_found: Unknown prompt: hidden_greet',
      { records: 1 },
    ],
    'a completion of an unknown kind': [
      ['completion/complete', { ref: { type: 'ref/evil', name: 'x' }, argument: { name: 'a', value: '' } }],
      '200 -32602 invalid_arguments: ref.type must be ref/prompt or ref/resource',
    ],
    'a task that is not there': [
      ['tasks/get', { taskId: 'x' }],
      '200 -32602 task_not_found: Unknown task',
      { records: 1 },
    ],
    'a task of all objects': [
      ['tasks/get', { taskId: '__proto__' }],
      '200 -32602 task_not_found: Unknown task',
      { records: 1 },
    ],
    'a task that somebody else may have': [
      ['tasks/cancel', { taskId: 'A'.repeat(200) }],
      '200 -32602 task_not_found: Unknown task',
      { records: 1 },
    ],
    'the result of a task that is not there': [
      ['tasks/result', { taskId: 'x' }],
      '200 -32602 task_not_found: Unknown task',
      { records: 1 },
    ],
    'a list of tasks from a cursor of its own': [
      ['tasks/list', { cursor: 'x' }],
      '200 -32602 invalid_cursor: The cursor is not valid',
    ],
  },
)

const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const CURSORS = table(
  async ([method, cursor]: readonly [string, unknown], world, id) => [
    await inSession(method, { cursor }, world, id),
    await world.modern(method, { cursor }, id),
  ],
  {
    'a text': [
      ['tools/list', 'x'],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    nothing: [
      ['tools/list', ''],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'a number': [
      ['tools/list', 5],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'an object': [
      ['tools/list', {}],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'its own form, unsigned': [
      ['tools/list', forged({ after: 'echo_a' })],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'its own form with a member of objects': [
      ['tools/list', '{"__proto__":1}'],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'what is not base64': [
      ['tools/list', '%%%'],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    '100 KB': [
      ['tools/list', 'A'.repeat(100_000)],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    zeros: [
      ['tools/list', Buffer.alloc(64).toString('base64url')],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'of prompts': [
      ['prompts/list', 'x'],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'of resources': [
      ['resources/list', 'x'],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
    'of templates': [
      ['resources/templates/list', 'x'],
      [
        '200 -32602 invalid_cursor: The cursor is not valid',
        '200 -32602 invalid_cursor: The cursor is not valid',
      ],
    ],
  },
)

/** Names of tools, prompts and resources, and cursors of lists. */
export const names: Family = {
  name: 'names and cursors',
  rows: () => [...CALLED, ...SHAPES, ...CURSORS.map((row) => ({ ...row, what: `a cursor: ${row.what}` }))],
}
