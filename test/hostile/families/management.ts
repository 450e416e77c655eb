import { type Family, table } from '../row.ts'
import { type Fields, type Reply, send } from '../world/send.ts'
import { JSON_TYPE, type World } from '../world/world.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Fields
}

function sendAs(token: (world: World) => string) {
  return ({ method, path, body, headers = {} }: Asked, world: World, id: string): Promise<Reply> =>
    send(world.gateway.url, {
      method,
      path,
      headers: {
        authorization: `Bearer ${token(world)}`,
        ...(body !== undefined && JSON_TYPE),
        'x-request-id': id,
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
}

const OPERATOR = '403 forbidden: This needs the role operator'
const AUDITOR = '403 forbidden: This needs the role auditor'
const HTTP = { name: 'mine', transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }

/** What only operators may do, by a caller who may read. */
const BY_READERS = table(
  sendAs(({ token }) => token),
  {
    'a reader creates a server': [{ method: 'POST', path: '/v1/servers', body: HTTP }, OPERATOR],
    'a reader reads a document': [{ method: 'GET', path: '/v1/servers/echo' }, OPERATOR],
    'a reader stops a server': [
      { method: 'POST', path: '/v1/servers/echo/stop' },
      '415 unsupported_media_type: Content-Type is missing; expected application/json',
    ],
    'a reader reads a log': [{ method: 'GET', path: '/v1/servers/echo/logs' }, OPERATOR],
    'a reader inspects a server': [{ method: 'POST', path: '/v1/servers/echo/inspect', body: {} }, OPERATOR],
    'a reader installs a package': [
      { method: 'POST', path: '/v1/servers/install', body: { package: '@modelcontextprotocol/x@1.0.0' } },
      OPERATOR,
    ],
    'a reader reads the records': [{ method: 'GET', path: '/v1/audit' }, AUDITOR],
    'a reader erases a person': [{ method: 'DELETE', path: '/v1/audit/persons/bob' }, AUDITOR],
    'a reader empties the caches': [{ method: 'DELETE', path: '/v1/caches' }, OPERATOR],
    'a reader simulates an edit': [{ method: 'POST', path: '/v1/access:simulate', body: {} }, OPERATOR],
    'a reader writes a pipeline': [{ method: 'PUT', path: '/v1/pipelines/p', body: {} }, OPERATOR],
    'a reader says with a header that it is another method': [
      { method: 'POST', path: '/v1/servers/echo', headers: { 'x-http-method-override': 'DELETE' } },
      '415 unsupported_media_type: Content-Type is missing; expected application/json',
    ],
  },
)

/** What an operator of one tenant tries with those of others, and with what belongs to the platform. */
const BY_OPERATORS = table(
  sendAs(({ operator }) => operator),
  {
    'the server of another tenant': [
      { method: 'GET', path: '/v1/servers/canary' },
      '404 server_not_found: Unknown server: canary',
    ],
    'the server of another tenant, by its tenant': [
      { method: 'GET', path: '/v1/servers/canary?tenantId=globex' },
      '404 server_not_found: Unknown server: canary',
    ],
    'the end of the server of another tenant': [
      { method: 'DELETE', path: '/v1/servers/canary?tenantId=globex', headers: { 'if-match': '*' } },
      '404 server_not_found: Unknown server: canary',
    ],
    'the log of the server of another tenant': [
      { method: 'GET', path: '/v1/servers/canary/logs?tenantId=globex' },
      '404 server_not_found: Unknown server: canary',
    ],
    'a stop of the server of another tenant': [
      { method: 'POST', path: '/v1/servers/canary/stop' },
      '415 unsupported_media_type: Content-Type is missing; expected application/json',
    ],
    'a server in another tenant': [
      { method: 'POST', path: '/v1/servers', body: { ...HTTP, tenantId: 'globex' } },
      '403 forbidden: A token can only write the servers of its tenant',
    ],
    'a server for all tenants': [
      { method: 'POST', path: '/v1/servers', body: { ...HTTP, tenantId: '*' } },
      '403 forbidden: Writing a server for all tenants needs the role platform-admin',
    ],
    'a program': [
      { method: 'POST', path: '/v1/servers', body: { name: 'mine', transport: 'stdio', command: 'sh' } },
      '403 forbidden: Writing what is started on the gateway’s machine needs the role platform-admin',
    ],
    'a server that becomes a program': [
      {
        method: 'PUT',
        path: '/v1/servers/echo',
        body: { transport: 'stdio', command: 'sh', args: ['-c', 'id'] },
        headers: { 'if-match': '*' },
      },
      '403 forbidden: Writing what is started on the gateway’s machine needs the role platform-admin',
    ],
    'a server whose name is a path': [
      { method: 'POST', path: '/v1/servers', body: { ...HTTP, name: '../../x' } },
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a document without a version': [
      { method: 'PUT', path: '/v1/servers/echo', body: HTTP },
      '428 precondition_required: The request has no If-Match header; send the ETag from a GET of the same path',
    ],
    'a secret sent to another place': [
      {
        method: 'PUT',
        path: '/v1/servers/echo',
        body: {
          transport: 'streamable-http',
          url: 'http://127.0.0.1:9/mcp',
          auth: { kind: 'bearer', token: '********' },
        },
        headers: { 'if-match': '*' },
      },
      '422 invalid_document: url: the destination changed; enter the masked values again so that they are not sent to the new one {"problems":["url: the destination changed; enter the masked values again so that they are not sent to the new one"]}',
    ],
    'the secret of another tenant': [
      {
        method: 'POST',
        path: '/v1/servers',
        body: { ...HTTP, auth: { kind: 'bearer', token: 'secret://globex_key' } },
      },
      '422 invalid_document: auth.token: secret://globex_key may not be used here: a document of tenant acme may use secrets named acme_… {"problems":["auth.token: secret://globex_key may not be used here: a document of tenant acme may use secrets named acme_…"]}',
    ],
    'a package with a script in its name': [
      { method: 'POST', path: '/v1/servers/install', body: { package: '@modelcontextprotocol/x; id' } },
      '403 forbidden: Installing what is started on the gateway’s machine needs the role platform-admin',
    ],
    'a package from an address': [
      { method: 'POST', path: '/v1/servers/install', body: { package: 'https://evil.example/x.tgz' } },
      '403 forbidden: Installing what is started on the gateway’s machine needs the role platform-admin',
    ],
    'records of another tenant': [
      { method: 'GET', path: '/v1/audit?tenantId=globex' },
      '400 invalid_request: tenantId: unknown query parameter; /v1/audit has limit, cursor, from, to, subject, target, server, outcome {"problems":["tenantId: unknown query parameter"]}',
    ],
    'records by a cursor that is none': [
      { method: 'GET', path: '/v1/audit?cursor=AAAA' },
      '400 invalid_cursor: The cursor is not valid',
    ],
    'records by a number that is none': [
      { method: 'GET', path: '/v1/audit?limit=0x10' },
      '400 invalid_request: limit: expected a whole number from 1 to 1000 {"problems":["limit: expected a whole number from 1 to 1000"]}',
    ],
    'records of a time that is none': [
      { method: 'GET', path: '/v1/audit?from=yesterday' },
      '400 invalid_request: from: Invalid ISO datetime {"problems":["from: Invalid ISO datetime"]}',
    ],
    'the records of a person in another tenant': [
      { method: 'DELETE', path: '/v1/audit/persons/bob' },
      '404 not_found: There are no records of this person',
    ],
    'an approval that there is not': [
      { method: 'POST', path: '/v1/approvals/ap_x/approve', body: {} },
      '404 approval_not_found: Unknown request for approval',
    ],
    'the definition of a tool of another tenant': [
      { method: 'GET', path: '/v1/pins/canary_say' },
      '404 tool_not_found: Unknown tool: canary_say',
    ],
    'an end of a session that there is not': [
      { method: 'DELETE', path: '/v1/sessions/ffffffff' },
      '404 session_not_found: Unknown session',
    ],
    'the name of a prototype as a server': [
      { method: 'GET', path: '/v1/servers/__proto__' },
      '404 server_not_found: Unknown server: __proto__',
    ],
    'a body that is a list': [
      { method: 'POST', path: '/v1/servers', body: [HTTP] },
      '400 invalid_request: expected an object {"problems":["expected an object"]}',
    ],
    'a body with a prototype': [
      { method: 'POST', path: '/v1/servers', body: '{"__proto__":{"tenantId":"*"},"name":"mine"}' },
      '422 invalid_document: a field may not be named "__proto__" {"problems":["a field may not be named \\"__proto__\\""]}',
    ],
  },
)

/** The management API, by those who may not. */
export const management: Family = { name: 'management', rows: () => [...BY_READERS, ...BY_OPERATORS] }
