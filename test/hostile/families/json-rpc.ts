import { MODERN } from '../../support/raw-mcp.ts'
import { type Expected, type Family, type Row, table } from '../row.ts'
import type { Reply } from '../world/send.ts'
import { MCP, type World } from '../world/world.ts'
import { NO_MESSAGE, UNREADABLE } from './unreadable.ts'
import { call, ENVELOPE } from './call-text.ts'

type Body = string | Buffer

/** Sends a body in the session of the attacker. */
async function inSession(body: Body, world: World, id: string): Promise<Reply> {
  return world.post('/mcp', body, { ...(await world.inSession()), 'x-request-id': id })
}

/** Sends a body with the headers of a call of 2026-07-28. */
function asModern(body: Body, world: World, id: string): Promise<Reply> {
  return world.post('/mcp', body, {
    ...MCP,
    'mcp-protocol-version': MODERN,
    'mcp-method': 'tools/call',
    'mcp-name': 'echo_say',
    'x-request-id': id,
  })
}

const ID_LENGTH = '400 -32600 invalid_request: The id has more than 256 characters'
const META = '400 -32600 invalid_request: The _meta of the request has more than 8192 bytes'
const unknown = (method: string): string => `200 -32601 method_not_found: Unknown method: ${method}`
const GONE = '202'

const ECHO = (args: string): string => `200 #1 {"content":[{"type":"text","text":${JSON.stringify(args)}}]}`
const ONE = { calls: 1 }

/** Messages that are JSON, in a session. */
const MESSAGES = table(inSession, {
  'the id null': ['{"jsonrpc":"2.0","id":null,"method":"ping"}', NO_MESSAGE],
  'an object as id': ['{"jsonrpc":"2.0","id":{},"method":"ping"}', NO_MESSAGE],
  'a list as id': ['{"jsonrpc":"2.0","id":[1],"method":"ping"}', NO_MESSAGE],
  'true as id': ['{"jsonrpc":"2.0","id":true,"method":"ping"}', NO_MESSAGE],
  'a fraction as id': ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', NO_MESSAGE],
  'an infinite id': ['{"jsonrpc":"2.0","id":1e400,"method":"ping"}', NO_MESSAGE],
  'an id of 2^53': ['{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}', NO_MESSAGE],
  'a negative id': ['{"jsonrpc":"2.0","id":-1,"method":"ping"}', '200 #-1 {}'],
  'an empty text as id': ['{"jsonrpc":"2.0","id":"","method":"ping"}', '200 #"" {}'],
  'an id of 256 characters': [
    `{"jsonrpc":"2.0","id":"${'i'.repeat(256)}","method":"ping"}`,
    `200 #"${'i'.repeat(256)}" {}`,
  ],
  'an id of 257 characters': [`{"jsonrpc":"2.0","id":"${'i'.repeat(257)}","method":"ping"}`, ID_LENGTH],
  'an id of 1 MB': [`{"jsonrpc":"2.0","id":"${'i'.repeat(1_000_000)}","method":"ping"}`, ID_LENGTH],
  'an id with a line of an event stream': [
    '{"jsonrpc":"2.0","id":"\\n\\ndata: x","method":"ping"}',
    '200 #"\\n\\ndata: x" {}',
  ],
  'another version': ['{"jsonrpc":"1.0","id":1,"method":"ping"}', NO_MESSAGE],
  'the version as a number': ['{"jsonrpc":2.0,"id":1,"method":"ping"}', NO_MESSAGE],
  'no version': ['{"id":1,"method":"ping"}', NO_MESSAGE],
  'no method': ['{"jsonrpc":"2.0","id":1}', NO_MESSAGE],
  METHOD: ['{"jsonrpc":"2.0","id":1,"METHOD":"ping"}', NO_MESSAGE],
  'a number as method': ['{"jsonrpc":"2.0","id":1,"method":1}', NO_MESSAGE],
  'a list as method': ['{"jsonrpc":"2.0","id":1,"method":["ping"]}', NO_MESSAGE],
  'a list as parameters': ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', NO_MESSAGE],
  'a text as parameters': ['{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}', NO_MESSAGE],
  'the method twice: the last counts for all': [
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":{"name":"echo_say"}}',
    '200 #1 {}',
  ],
  'a member more': ['{"jsonrpc":"2.0","id":1,"method":"ping","x":1}', NO_MESSAGE],
  'an unknown method': ['{"jsonrpc":"2.0","id":1,"method":"no/such"}', unknown('no/such')],
  'a member of objects as method': ['{"jsonrpc":"2.0","id":1,"method":"__proto__"}', unknown('__proto__')],
  'another member of objects as method': [
    '{"jsonrpc":"2.0","id":1,"method":"constructor"}',
    unknown('constructor'),
  ],
  'a method with a path': ['{"jsonrpc":"2.0","id":1,"method":"../tools/call"}', unknown('../tools/call')],
  'a method in capitals': ['{"jsonrpc":"2.0","id":1,"method":"TOOLS/CALL"}', unknown('TOOLS/CALL')],
  'a method of servers': [
    '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}',
    unknown('sampling/createMessage'),
  ],
  'a method of 100 KB': [
    `{"jsonrpc":"2.0","id":1,"method":"${'m'.repeat(100_000)}"}`,
    unknown('m'.repeat(128)),
  ],
  'a second initialize': [
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"h","version":"1"}}}',
    '400 -32600 invalid_request: The session is open already',
  ],
  'a result that nobody asked for': [
    '{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":{"a":1}}}',
    GONE,
  ],
  'an error that nobody asked for': ['{"jsonrpc":"2.0","id":"q","error":{"code":1,"message":"x"}}', GONE],
  'a result and an error at once': [
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}',
    NO_MESSAGE,
  ],
  'a request and a result at once': ['{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', NO_MESSAGE],
  'a notification nobody knows': ['{"jsonrpc":"2.0","method":"notifications/evil"}', GONE],
  'a notification that is a call': [
    '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo_say"}}',
    GONE,
  ],
  'a cancellation of a request that is not there': [
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}',
    GONE,
  ],
  'a cancellation with an object as id': [
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}',
    GONE,
  ],
  'progress of nothing': [
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
    GONE,
  ],
  'a log level that is none': [
    '{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}}',
    '200 -32602 invalid_arguments: level must be one of debug, info, notice, warning, error, critical, alert, emergency',
  ],
  '_meta of more than 8 KB': [call(`"arguments":{},"_meta":{"a":"${'x'.repeat(8200)}"}`), META],
  '_meta of 3,000 members': [
    call(`"_meta":{${Array.from({ length: 3000 }, (_, n) => `"k${n}":1`).join(',')}}`),
    META,
  ],
  'the name twice: the last counts for all': [
    call('"name":"hidden_say"'),
    '200 -32602 tool_not_found: Unknown tool: hidden_say',
    { records: 1 },
  ],
  'a progress token of another type': [call('"arguments":{},"_meta":{"progressToken":{}}'), NO_MESSAGE],
  '_meta as a list': [call('"_meta":[]'), NO_MESSAGE],
  '_meta as a text': [call('"_meta":"x"'), NO_MESSAGE],
})

/** Calls in a session, and the same as requests of 2026-07-28. */
const CALLS: Readonly<Record<string, readonly [string, string, Expected?]>> = {
  'arguments as a list': ['"arguments":[]', '200 -32602 invalid_arguments: arguments must be an object'],
  'arguments as a text': ['"arguments":"x"', '200 -32602 invalid_arguments: arguments must be an object'],
  'arguments as a number': ['"arguments":5', '200 -32602 invalid_arguments: arguments must be an object'],
  'null as arguments': ['"arguments":null', ECHO('none'), ONE],
  'no arguments': ['"x":1', ECHO('none'), ONE],
  'members of all objects as arguments': [
    '"arguments":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    ECHO('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    ONE,
  ],
  'half a surrogate pair': ['"arguments":{"a":"\\ud83d"}', ECHO('{"a":"\\ud83d"}'), ONE],
  'NUL in a text': ['"arguments":{"a":"\\u0000"}', ECHO('{"a":"\\u0000"}'), ONE],
  'a line of an event stream': [
    '"arguments":{"a":"\\n\\ndata: {}\\n\\n"}',
    ECHO('{"a":"\\n\\ndata: {}\\n\\n"}'),
    ONE,
  ],
  'line separators': ['"arguments":{"a":"\\u2028\\u2029\\u0085"}', ECHO('{"a":"\u2028\u2029\u0085"}'), ONE],
  'an empty name of an argument': ['"arguments":{"":0}', ECHO('{"":0}'), ONE],
  'an argument twice: the last counts': ['"arguments":{"a":1,"a":2}', ECHO('{"a":2}'), ONE],
  'a number beyond 2^53': ['"arguments":{"a":9007199254740993}', ECHO('{"a":9007199254740992}'), ONE],
  'a number beyond all': ['"arguments":{"a":1e400}', ECHO('{"a":null}'), ONE],
  'a malformed trace context': [
    '"arguments":{},"_meta":{"traceparent":"00-garbage","tracestate":"\\r\\nx: y"}',
    ECHO('{}'),
    ONE,
  ],
  'a task where there are none': [
    '"arguments":{},"task":{"ttl":1}',
    '200 -32602 invalid_arguments: This tool cannot be called as a task {"server":"echo","mayHaveExecuted":false}',
    { records: 1 },
  ],
}

/** Bodies that carry their headers' method and name. */
const modernCall = (rest: string, world: World, id: string): Promise<Reply> => {
  const meta = /"_meta":\{/.test(rest)
    ? rest.replace('"_meta":{', `${ENVELOPE.slice(0, -1)},`)
    : `${rest},${ENVELOPE}`
  return asModern(call(meta), world, id)
}

const named = (name: string, rows: readonly Row[]): readonly Row[] =>
  rows.map((row) => ({ ...row, what: `${row.what}, ${name}` }))

/** Messages of JSON-RPC and of MCP over Streamable HTTP. */
export const jsonRpc: Family = {
  name: 'JSON-RPC',
  rows: () => [
    ...named('in a session', table(inSession, UNREADABLE)),
    ...named('as 2026-07-28', table(asModern, UNREADABLE)),
    ...named('in a session', MESSAGES),
    ...named(
      'in a session',
      table((rest: string, world, id) => inSession(call(rest), world, id), CALLS),
    ),
    ...named('as 2026-07-28', table(modernCall, CALLS)),
  ],
}
