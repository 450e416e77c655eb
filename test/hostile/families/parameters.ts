import { type Family, table } from '../row.ts'
import type { Reply } from '../world/send.ts'
import type { World } from '../world/world.ts'

const inSession = async (method: string, params: unknown, world: World, id: string): Promise<Reply> =>
  world.post('/mcp', JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), {
    ...(await world.inSession()),
    'x-request-id': id,
  })

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

/** Parameters of methods, and cursors of lists. */
export const parameters: Family = {
  name: 'parameters and cursors',
  rows: () => [...SHAPES, ...CURSORS.map((row) => ({ ...row, what: `a cursor: ${row.what}` }))],
}
