import { type Family, table } from '../row.ts'
import type { Fields } from '../world/send.ts'
import { JSON_TYPE } from '../world/world.ts'

const BODY = '{"arguments":{}}'
const ONE = { calls: 1 }

/** Headers of a proper request that say something else. */
const HEADERS = table(
  ([path, headers]: readonly [string, Fields], world, id) =>
    world.post(path, path === '/mcp' ? '{"jsonrpc":"2.0","id":1,"method":"ping"}' : BODY, {
      'x-request-id': id,
      ...headers,
    }),
  {
    'text as type': [
      ['/v1/tools/echo_say', { 'content-type': 'text/plain' }],
      '415 unsupported_media_type: Content-Type is "text/plain"; expected application/json',
    ],
    'no type': [
      ['/v1/tools/echo_say', { 'content-type': undefined }],
      '415 unsupported_media_type: Content-Type is missing; expected application/json',
    ],
    'a form': [
      ['/v1/tools/echo_say', { 'content-type': 'application/x-www-form-urlencoded' }],
      '415 unsupported_media_type: Content-Type is "application/x-www-form-urlencoded"; expected application/json',
    ],
    'several parts': [
      ['/v1/tools/echo_say', { 'content-type': 'multipart/form-data; boundary=x' }],
      '415 unsupported_media_type: Content-Type is "multipart/form-data; boundary=x"; expected application/json',
    ],
    'two types': [
      ['/v1/tools/echo_say', { 'content-type': ['application/json', 'text/plain'] }],
      '400 invalid_request: The request has the header content-type twice',
    ],
    'UTF-16': [
      ['/v1/tools/echo_say', { 'content-type': 'application/json; charset=utf-16' }],
      '400 invalid_request: The charset of the body is utf-16; expected utf-8',
    ],
    'UTF-7': [
      ['/v1/tools/echo_say', { 'content-type': 'application/json; charset=utf-7' }],
      '400 invalid_request: The charset of the body is utf-7; expected utf-8',
    ],
    latin1: [
      ['/v1/tools/echo_say', { 'content-type': 'application/json; charset=iso-8859-1' }],
      '415 unsupported_media_type: The charset of the body is "iso-8859-1"; expected utf-8',
    ],
    'JSON of another kind': [
      ['/v1/tools/echo_say', { 'content-type': 'application/problem+json' }],
      '415 unsupported_media_type: Content-Type is "application/problem+json"; expected application/json',
    ],
    'a body that claims to be compressed': [
      ['/v1/tools/echo_say', { 'content-encoding': 'gzip' }],
      '415 unsupported_media_type: The content encoding of the body is "gzip"; send the body without an encoding',
    ],
    'a body that claims to be compressed twice': [
      ['/v1/tools/echo_say', { 'content-encoding': 'gzip, br' }],
      '415 unsupported_media_type: The content encoding of the body is "gzip, br"; send the body without an encoding',
    ],
    'an encoding that is none': [
      ['/v1/tools/echo_say', { 'content-encoding': 'evil' }],
      '415 unsupported_media_type: The content encoding of the body is "evil"; send the body without an encoding',
    ],
    'the identity as encoding': [
      ['/v1/tools/echo_say', { 'content-encoding': 'identity' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'no Accept of MCP': [
      ['/mcp', { accept: undefined }],
      '400 -32600 invalid_request: Mcp-Session-Id is missing, and the request is not initialize',
    ],
    'an Accept for JSON only': [
      ['/mcp', { accept: 'application/json' }],
      '406 -32600 not_acceptable: Accept is "application/json"; it must include application/json, text/event-stream',
    ],
    'an Accept that takes anything but': [
      ['/mcp', { accept: 'application/json;q=0, text/event-stream;q=0' }],
      '406 -32600 not_acceptable: Accept is "application/json;q=0, text/event-stream;q=0"; it must include application/json, text/event-stream',
    ],
    'an Accept of 8 KB': [
      ['/mcp', { accept: 'a/b,'.repeat(2000) }],
      '406 -32600 not_acceptable: Accept is "a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,"; it must include application/json, text/event-stream',
    ],
    'a foreign origin': [
      ['/v1/tools/echo_say', { origin: 'https://evil.example' }],
      '403 host_not_allowed: The Origin header "https://evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'the origin null': [
      ['/v1/tools/echo_say', { origin: 'null' }],
      '403 host_not_allowed: The Origin header "null" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin that is none': [
      ['/v1/tools/echo_say', { origin: '::::' }],
      '403 host_not_allowed: The Origin header "::::" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin that begins alike': [
      ['/v1/tools/echo_say', { origin: 'http://localhost.evil.example' }],
      '403 host_not_allowed: The Origin header "http://localhost.evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin with our host as user': [
      ['/v1/tools/echo_say', { origin: 'http://localhost@evil.example' }],
      '403 host_not_allowed: The Origin header "http://localhost@evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin of a file': [
      ['/v1/tools/echo_say', { origin: 'file://' }],
      '403 host_not_allowed: The Origin header "file://" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin over MCP': [
      ['/mcp', { origin: 'https://evil.example' }],
      '403 -31011 host_not_allowed: The Origin header "https://evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'a foreign host': [
      ['/v1/tools/echo_say', { host: 'evil.example' }],
      '403 host_not_allowed: The Host header "evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a host that begins alike': [
      ['/v1/tools/echo_say', { host: '127.0.0.1.evil.example' }],
      '403 host_not_allowed: The Host header "127.0.0.1.evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a host that ends alike': [
      ['/v1/tools/echo_say', { host: 'evil.example#127.0.0.1' }],
      '403 host_not_allowed: The Host header "evil.example#127.0.0.1" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a host with our name as user': [
      ['/v1/tools/echo_say', { host: 'localhost@evil.example' }],
      '403 host_not_allowed: The Host header "localhost@evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'the address of metadata as host': [
      ['/v1/tools/echo_say', { host: '169.254.169.254' }],
      '403 host_not_allowed: The Host header "169.254.169.254" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a number as host': [
      ['/v1/tools/echo_say', { host: '2130706433' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'an empty host': [
      ['/v1/tools/echo_say', { host: '' }],
      '403 host_not_allowed: The Host header "" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a foreign host over MCP': [
      ['/mcp', { host: 'evil.example' }],
      '403 -31011 host_not_allowed: The Host header "evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'headers of proxies that name another tenant': [
      [
        '/v1/tools/canary_say',
        {
          'x-tenant-id': 'globex',
          'x-forwarded-for': '127.0.0.1',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-user': 'olga',
          'x-real-ip': '127.0.0.1',
          forwarded: 'for=127.0.0.1;host=evil.example',
          'x-roles': 'operator',
        },
      ],
      '404 tool_not_found: Unknown tool: canary_say',
      { records: 1 },
    ],
    'a method to use instead': [
      ['/v1/tools/echo_say', { 'x-http-method-override': 'DELETE' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'an address to use instead': [
      ['/v1/tools/echo_say', { 'x-original-url': '/v1/audit', 'x-rewrite-url': '/v1/audit' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'an agent that the token does not name': [
      ['/v1/tools/echo_say', { 'x-agent-name': 'operator' }],
      '403 agent_not_allowed: The token does not list the agent "operator" that x-agent-name asks for; the token does not list any',
    ],
    'two agents': [
      ['/v1/tools/echo_say', { 'x-agent-name': ['a', 'b'] }],
      '403 agent_not_allowed: The token does not list the agent "a, b" that x-agent-name asks for; the token does not list any',
    ],
    'an empty agent': [
      ['/v1/tools/echo_say', { 'x-agent-name': '' }],
      '403 agent_not_allowed: The token does not list the agent "" that x-agent-name asks for; the token does not list any',
    ],
    'the gateway’s own entry in Via': [
      ['/v1/tools/echo_say', { via: '1.1 tool-gateway' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'internal headers': [
      [
        '/v1/tools/hidden_say',
        { 'x-internal': '1', 'x-tool-gateway': '1', 'x-replica': '1', 'x-router-key': 'x' },
      ],
      '404 tool_not_found: Unknown tool: hidden_say',
      { records: 1 },
    ],
    'a client name of 8 KB': [
      ['/v1/tools/echo_say', { 'x-client-name': 'c'.repeat(8000) }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'a malformed trace context': [
      ['/v1/tools/echo_say', { traceparent: '00-x-y-z', tracestate: '=' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'baggage with a secret': [
      ['/v1/tools/echo_say', { baggage: 'token=S3CR3T-baggage' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'a Prefer of 8 KB': [
      ['/v1/tools/echo_say', { prefer: 'wait=1,'.repeat(1000) }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
  },
)

const LARGE = table(
  (body: string, world, id) => world.post('/v1/tools/echo_say', body, { ...JSON_TYPE, 'x-request-id': id }),
  {
    'a body of 5 MB': [
      `{"arguments":{"a":"${'x'.repeat(5 * 1024 * 1024)}"}}`,
      '413 payload_too_large: The body has 5242902 bytes; MAX_BODY_BYTES is 4194304',
    ],
    'a body of 4 MB that is a text': [
      `{"arguments":{"a":"${'x'.repeat(4_000_000)}"}}`,
      '200 {"content":[{"type":"text","text":"{\\"a\\":\\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ONE,
    ],
  },
)

/** What the headers of a request say about it, and how large it is. */
export const headers: Family = { name: 'HTTP headers', rows: () => [...HEADERS, ...LARGE] }
