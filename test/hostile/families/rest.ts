import { type Family, table } from '../row.ts'
import { send } from '../world/send.ts'
import { JSON_TYPE } from '../world/world.ts'

const PATHS = table(
  ([method, path]: readonly [string, string], world, id) =>
    send(world.gateway.url, {
      method,
      path,
      headers: {
        authorization: `Bearer ${world.token}`,
        ...(method !== 'GET' && JSON_TYPE),
        'x-request-id': id,
      },
      ...(method !== 'GET' && { body: '{}' }),
    }),
  {
    'a path with dots': [
      ['GET', '/v1/tools/../audit'],
      '404 not_found: No route matches GET /v1/tools/../audit',
    ],
    'a path with encoded slashes': [
      ['GET', '/v1/tools/..%2f..%2fetc%2fpasswd'],
      '404 tool_not_found: Unknown tool: ../../etc/passwd',
    ],
    'a path with encoded dots': [
      ['GET', '/v1/tools/%2e%2e%2fhealth'],
      '404 tool_not_found: Unknown tool: ../health',
    ],
    'a path encoded twice': [
      ['GET', '/v1/tools/%252e%252e%252f'],
      '404 tool_not_found: Unknown tool: %2e%2e%2f',
    ],
    'a path with backslashes': [
      ['GET', '/v1/tools/..\\..\\etc\\passwd'],
      '404 tool_not_found: Unknown tool: ..\\..\\etc\\passwd',
    ],
    'a path with NUL': [['GET', '/v1/tools/%00'], '404 tool_not_found: Unknown tool: \u0000'],
    'a path with a newline': [
      ['GET', '/v1/tools/%0d%0aset-cookie:a=b'],
      '404 tool_not_found: Unknown tool: \r\nset-cookie:a=b',
    ],
    'a path that is not UTF-8': [['GET', '/v1/tools/%ff'], '400 invalid_request: The path is not valid'],
    'a path that is no encoding': [['GET', '/v1/tools/%zz'], '400 invalid_request: The path is not valid'],
    'a path with a semicolon': [
      ['GET', '/v1/tools;x=1/echo_say'],
      '404 not_found: No route matches GET /v1/tools;x=1/echo_say',
    ],
    'a path of 8,000 characters': [
      ['GET', `/v1/tools/${'x'.repeat(8000)}`],
      '404 tool_not_found: Unknown tool: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    ],
    'a path with 1,000 parts': [
      ['GET', `/v1${'/x'.repeat(1000)}`],
      '404 not_found: No route matches GET /v1/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/',
    ],
    'a path in capitals': [
      ['GET', '/V1/Tools/echo_say'],
      '200 {"name":"echo_say","description":"says it","inputSchema":{"type":"object"},"id":"echo_say","server":"echo"}',
    ],
    'a slash at the end': [
      ['GET', '/v1/tools/echo_say/'],
      '200 {"name":"echo_say","description":"says it","inputSchema":{"type":"object"},"id":"echo_say","server":"echo"}',
    ],
    'slashes twice': [['GET', '//v1//tools'], '404 not_found: No route matches GET //v1//tools'],
    'a call with NUL behind the name': [
      ['POST', '/v1/tools/echo_say%00'],
      '404 tool_not_found: Unknown tool: echo_say\u0000. Did you mean echo_say? {"suggestions":["echo_say"]}',
      { records: 1 },
    ],
    'a call with a path behind the name': [
      ['POST', '/v1/tools/echo_say/../hidden_say'],
      '404 not_found: No route matches POST /v1/tools/echo_say/../hidden_say',
    ],
    'a call with an encoded slash': [
      ['POST', '/v1/tools/echo_say%2fx'],
      '404 tool_not_found: Unknown tool: echo_say/x. Did you mean echo_say? {"suggestions":["echo_say"]}',
      { records: 1 },
    ],
    'a prompt with a path': [
      ['POST', '/v1/prompts/..%2f'],
      '404 prompt_not_found: Unknown prompt: ../',
      { records: 1 },
    ],
    'a resource that is a file': [
      ['GET', '/v1/resources?uri=file:///etc/passwd'],
      '404 resource_not_found: Unknown resource: file:///etc/passwd',
      { records: 1 },
    ],
    'a resource that is a file with NUL': [
      ['GET', '/v1/resources?uri=file:///etc/passwd%00'],
      '404 resource_not_found: Unknown resource: file:///etc/passwd\u0000',
      { records: 1 },
    ],
    'a resource of 9,000 characters': [
      ['GET', `/v1/resources?uri=${'x'.repeat(9000)}`],
      '400 invalid_request: uri: expected string to have <=8192 characters {"problems":["uri: expected string to have <=8192 characters"]}',
    ],
    'a limit beyond all': [
      ['GET', '/v1/tools?limit=1e9'],
      '400 invalid_request: limit: expected a whole number from 1 to 1000 {"problems":["limit: expected a whole number from 1 to 1000"]}',
    ],
    'a negative limit': [
      ['GET', '/v1/tools?limit=-1'],
      '400 invalid_request: limit: expected a whole number from 1 to 1000 {"problems":["limit: expected a whole number from 1 to 1000"]}',
    ],
    'a limit that is none': [
      ['GET', '/v1/tools?limit=NaN'],
      '400 invalid_request: limit: expected a whole number from 1 to 1000 {"problems":["limit: expected a whole number from 1 to 1000"]}',
    ],
    'a limit twice': [
      ['GET', '/v1/tools?limit=2&limit=3'],
      '400 invalid_request: limit: expected a whole number from 1 to 1000 {"problems":["limit: expected a whole number from 1 to 1000"]}',
    ],
    'a limit as a list': [
      ['GET', '/v1/tools?limit[]=2'],
      '400 invalid_request: limit[]: unknown query parameter; /v1/tools has limit, cursor, server, query, view {"problems":["limit[]: unknown query parameter"]}',
    ],
    'a query of all objects': [
      ['GET', '/v1/tools?__proto__[a]=1&constructor[prototype][a]=1'],
      '400 invalid_request: __proto__[a]: unknown query parameter; constructor[prototype][a]: unknown query parameter; /v1/tools has limit, cursor, server, query, view {"problems":["__proto__[a]: unknown query parameter","constructor[prototype][a]: unknown query parameter"]}',
    ],
    'a query that nobody declared': [
      ['GET', '/v1/tools?nothing=1'],
      '400 invalid_request: nothing: unknown query parameter; /v1/tools has limit, cursor, server, query, view {"problems":["nothing: unknown query parameter"]}',
    ],
    'a search of 257 characters': [
      ['GET', `/v1/tools?query=${'x'.repeat(257)}`],
      '400 invalid_request: query: expected string to have <=256 characters {"problems":["query: expected string to have <=256 characters"]}',
    ],
    'a search that is a regular expression': [
      ['GET', '/v1/tools?query=(a%2B)%2B%24'],
      '200 {"tools":[],"missingServers":[],"staleServers":[],"emptyBecause":["The token has the roles reader; an operator can see which roles the servers need."]}',
    ],
    'a cursor of another form': [
      ['GET', '/v1/tools?cursor=x'],
      '400 invalid_cursor: The cursor is not valid',
    ],
    'a query of 10,000 parts': [
      ['GET', `/v1/tools?${'a=1&'.repeat(3000)}`],
      '400 invalid_request: a: unknown query parameter; /v1/tools has limit, cursor, server, query, view {"problems":["a: unknown query parameter"]}',
    ],
    'a server with a path': [
      ['GET', '/mcp/..%2f..%2f'],
      '404 -32602 server_not_found: Unknown server: ../../',
    ],
    'a server of all objects': [
      ['POST', '/mcp/__proto__'],
      '404 -32602 server_not_found: Unknown server: __proto__',
    ],
    'a server of another tenant': [
      ['POST', '/mcp/canary'],
      '404 -32602 server_not_found: Unknown server: canary',
    ],
    'a method at the address of a server': [
      ['POST', '/mcp/echo/__proto__'],
      '404 -32601 method_not_found: Unknown method: __proto__',
    ],
    'a file of the gateway': [['GET', '/src/main.ts'], '404 not_found: No route matches GET /src/main.ts'],
    'its configuration': [['GET', '/.env'], '404 not_found: No route matches GET /.env'],
    'its repository': [['GET', '/.git/config'], '404 not_found: No route matches GET /.git/config'],
    'its registry': [['GET', '/registry.json'], '404 not_found: No route matches GET /registry.json'],
    'the profiler': [['GET', '/debug/pprof/heap'], '404 not_found: No route matches GET /debug/pprof/heap'],
    'the inspector': [['GET', '/json/version'], '404 not_found: No route matches GET /json/version'],
    'the metrics at this port': [['GET', '/metrics'], '404 not_found: No route matches GET /metrics'],
    'DELETE of a tool': [
      ['DELETE', '/v1/tools/echo_say'],
      '405 method_not_allowed: The method is DELETE; /v1/tools/echo_say has GET, POST',
    ],
    'PUT of a tool': [
      ['PUT', '/v1/tools/echo_say'],
      '405 method_not_allowed: The method is PUT; /v1/tools/echo_say has GET, POST',
    ],
    'PATCH of a server': [
      ['PATCH', '/v1/servers/echo'],
      '405 method_not_allowed: The method is PATCH; /v1/servers/echo has GET, PUT, DELETE',
    ],
  },
)

/** Bodies of calls. */
const BODIES = table(
  (body: string, world, id) => world.post('/v1/tools/echo_say', body, { 'x-request-id': id }),
  {
    'a list as body': [
      '[]',
      '400 invalid_request: expected object, received array {"problems":["expected object, received array"]}',
    ],
    'a text as body': ['"x"', '400 invalid_request: The body is not valid JSON'],
    'null as body': ['null', '400 invalid_request: The body is not valid JSON'],
    'no JSON': ['{', '400 invalid_request: The body is not valid JSON'],
    'an unknown member': [
      '{"arguments":{},"evil":1}',
      '400 invalid_request: evil: unknown field; expected {"arguments": {…}} {"problems":["evil: unknown field"]}',
    ],
    'members of all objects': [
      '{"__proto__":{"arguments":{}},"arguments":{}}',
      '400 invalid_request: __proto__: unknown field; expected {"arguments": {…}} {"problems":["__proto__: unknown field"]}',
    ],
    'arguments as a list': [
      '{"arguments":[]}',
      '400 invalid_request: arguments: expected an object {"problems":["arguments: expected an object"]}',
    ],
    'arguments as a text': [
      '{"arguments":"x"}',
      '400 invalid_request: arguments: expected an object {"problems":["arguments: expected an object"]}',
    ],
    'null as arguments': [
      '{"arguments":null}',
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      { calls: 1 },
    ],
    'an argument of all objects': [
      '{"arguments":{"__proto__":{"a":1}}}',
      '200 {"content":[{"type":"text","text":"{\\"__proto__\\":{\\"a\\":1}}"}],"isError":false}',
      { calls: 1 },
    ],
    'the name in the body': [
      '{"name":"hidden_say","arguments":{}}',
      '400 invalid_request: name: unknown field; expected {"arguments": {…}} {"problems":["name: unknown field"]}',
    ],
    'two million levels': [
      `{"arguments":${'['.repeat(2_000_000)}`,
      '400 invalid_request: The body nests more than 128 levels deep',
    ],
    'invalid UTF-16': [
      '{"arguments":{"a":"\\ud800"}}',
      '200 {"content":[{"type":"text","text":"{\\"a\\":\\"\\\\ud800\\"}"}],"isError":false}',
      { calls: 1 },
    ],
  },
)

/** Ids of requests that are not taken over. */
const IDS = table(
  async (offered: string, world) => {
    const reply = await world.get('/v1/whoami', { 'x-request-id': offered })
    const isReplaced = /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(String(reply.headers['x-request-id']))
    return { ...reply, text: isReplaced && reply.headers['set-cookie'] === undefined ? 'replaced' : 'kept' }
  },
  Object.fromEntries(
    ['a b', 'a,b', '<script>', 'x'.repeat(65), '%0d%0aset-cookie:a=b', '../x', '${jndi:ldap://x}', ''].map(
      (id) => [`the request id ${JSON.stringify(id.slice(0, 20))}`, [id, '200 replaced'] as const],
    ),
  ),
)

/** REST: paths, queries and bodies. */
export const rest: Family = { name: 'REST', rows: () => [...PATHS, ...BODIES, ...IDS] }
