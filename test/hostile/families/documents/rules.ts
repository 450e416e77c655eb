import type { Row } from '../../row.ts'
import type { Document } from './document.ts'

const HTTP: Document = { transport: 'streamable-http', url: 'https://mcp.example/mcp', enabled: false }

/** The same of rules, limits and credentials. */
export const RULES: Readonly<Record<string, readonly [Document, Row['answer']]>> = {
  'an unknown kind of credentials': [
    { ...HTTP, auth: { kind: 'evil' } },
    [
      '422 invalid_document: auth.kind: expected none, bearer, headers, oauth, client_credentials, token_exchange or gateway_assertion {"problems":["auth.kind: expected none, bearer, headers, oauth, client_credentials, token_exchange or gateway_assertion"]}',
      'auth.kind: expected none, bearer, headers, oauth, client_credentials, token_exchange or gateway_assertion',
    ],
  ],
  'credentials without what they need': [
    { ...HTTP, auth: { kind: 'bearer' } },
    [
      '422 invalid_document: auth.token: missing, expected string {"problems":["auth.token: missing, expected string"]}',
      'auth.token: missing, expected string',
    ],
  ],
  'a token with a newline': [
    { ...HTTP, auth: { kind: 'bearer', token: 'a\nb' } },
    [
      '422 invalid_document: auth.token: not a legal header value {"problems":["auth.token: not a legal header value"]}',
      'auth.token: not a legal header value',
    ],
  ],
  'the secret of another tenant': [
    { ...HTTP, auth: { kind: 'bearer', token: 'secret://globex_key' } },
    [
      '422 invalid_document: auth.token: secret://globex_key may not be used here: a document of tenant acme may use secrets named acme_… {"problems":["auth.token: secret://globex_key may not be used here: a document of tenant acme may use secrets named acme_…"]}',
      'auth.token: secret://globex_key may not be used here: a document of tenant acme may use secrets named acme_…',
    ],
  ],
  'the secret of all tenants': [
    { ...HTTP, auth: { kind: 'bearer', token: 'secret://key' } },
    [
      '422 invalid_document: auth.token: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else {"problems":["auth.token: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else"]}',
      'auth.token: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else',
    ],
  ],
  'a secret with a path': [
    { ...HTTP, auth: { kind: 'bearer', token: 'secret://acme_../globex_key' } },
    [
      '422 invalid_document: auth.token: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else {"problems":["auth.token: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else"]}',
      'auth.token: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else',
    ],
  ],
  'the roles as a text': [
    { ...HTTP, requiredRoles: 'admin' },
    [
      '422 invalid_document: requiredRoles: expected array or object {"problems":["requiredRoles: expected array or object"]}',
      'requiredRoles: expected array or object',
    ],
  ],
  'no role in the list': [
    { ...HTTP, requiredRoles: [] },
    [
      '422 invalid_document: requiredRoles: an empty list is refused: leave the field out if no role is needed {"problems":["requiredRoles: an empty list is refused: leave the field out if no role is needed"]}',
      'requiredRoles: an empty list is refused: leave the field out if no role is needed',
    ],
  ],
  'an empty role': [
    { ...HTTP, requiredRoles: [''] },
    [
      '422 invalid_document: requiredRoles[0]: expected string to have >=1 characters {"problems":["requiredRoles[0]: expected string to have >=1 characters"]}',
      'requiredRoles[0]: expected string to have >=1 characters',
    ],
  ],
  'a role that is an object': [
    { ...HTTP, requiredRoles: [{ name: 'admin' }] },
    [
      '422 invalid_document: requiredRoles[0]: expected string, received object {"problems":["requiredRoles[0]: expected string, received object"]}',
      'requiredRoles[0]: expected string, received object',
    ],
  ],
  'roles in an unknown form': [
    { ...HTTP, requiredRoles: { anyOf: ['a'] } },
    [
      '422 invalid_document: requiredRoles.allOf: missing, expected array; requiredRoles: unknown field "anyOf" {"problems":["requiredRoles.allOf: missing, expected array","requiredRoles: unknown field \\"anyOf\\""]}',
      'requiredRoles.allOf: missing, expected array; requiredRoles: unknown field "anyOf"',
    ],
  ],
  'the agents as a text': [
    { ...HTTP, agentAllowlist: 'agent' },
    [
      '422 invalid_document: agentAllowlist: expected array, received string {"problems":["agentAllowlist: expected array, received string"]}',
      'agentAllowlist: expected array, received string',
    ],
  ],
  'null as agents': [
    { ...HTTP, agentAllowlist: null },
    [
      '422 invalid_document: agentAllowlist: expected array, received null {"problems":["agentAllowlist: expected array, received null"]}',
      'agentAllowlist: expected array, received null',
    ],
  ],
  'tools as a list': [
    { ...HTTP, tools: ['a'] },
    [
      '422 invalid_document: tools: expected object, received array {"problems":["tools: expected object, received array"]}',
      'tools: expected object, received array',
    ],
  ],
  'a pattern of 1,000 stars': [
    { ...HTTP, tools: { exclude: ['*a'.repeat(1000)] } },
    [
      '422 invalid_document: tools.exclude[0]: expected string to have <=128 characters {"problems":["tools.exclude[0]: expected string to have <=128 characters"]}',
      'tools.exclude[0]: expected string to have <=128 characters',
    ],
  ],
  '5,000 tools': [
    { ...HTTP, tools: Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`t${n}`, { title: 'x' }])) },
    [
      '422 invalid_document: tools: more than 1000 entries {"problems":["tools: more than 1000 entries"]}',
      'tools: more than 1000 entries',
    ],
  ],
  'a tool with an unknown field': [
    { ...HTTP, tools: { a: { evil: 1 } } },
    [
      '422 invalid_document: tools.a: unknown field "evil" {"problems":["tools.a: unknown field \\"evil\\""]}',
      'tools.a: unknown field "evil"',
    ],
  ],
  'a limit of the time that is 0': [
    { ...HTTP, timeoutMs: 0 },
    [
      '422 invalid_document: timeoutMs: expected number to be >=1 {"problems":["timeoutMs: expected number to be >=1"]}',
      'timeoutMs: expected number to be >=1',
    ],
  ],
  'a limit of the time beyond all': [
    { ...HTTP, timeoutMs: 1e12 },
    [
      '422 invalid_document: timeoutMs: expected number to be <=300000 {"problems":["timeoutMs: expected number to be <=300000"]}',
      'timeoutMs: expected number to be <=300000',
    ],
  ],
  'a limit of the time as a text': [
    { ...HTTP, timeoutMs: '5' },
    [
      '422 invalid_document: timeoutMs: expected number, received string {"problems":["timeoutMs: expected number, received string"]}',
      'timeoutMs: expected number, received string',
    ],
  ],
  'a negative concurrency': [
    { ...HTTP, maxConcurrency: -1 },
    [
      '422 invalid_document: maxConcurrency: expected number to be >=1 {"problems":["maxConcurrency: expected number to be >=1"]}',
      'maxConcurrency: expected number to be >=1',
    ],
  ],
  'a concurrency beyond all': [
    { ...HTTP, maxConcurrency: 1e9 },
    [
      '422 invalid_document: maxConcurrency: expected number to be <=100000 {"problems":["maxConcurrency: expected number to be <=100000"]}',
      'maxConcurrency: expected number to be <=100000',
    ],
  ],
  'health checks every millisecond': [
    { ...HTTP, healthCheck: { intervalMs: 1 } },
    [
      '422 invalid_document: healthCheck.intervalMs: expected number to be >=1000 {"problems":["healthCheck.intervalMs: expected number to be >=1000"]}',
      'healthCheck.intervalMs: expected number to be >=1000',
    ],
  ],
  'a health check at another host': [
    { ...HTTP, healthCheck: { path: '//evil.example/x' } },
    [
      '422 invalid_document: healthCheck.path: expected a path without spaces, and a single "/" first {"problems":["healthCheck.path: expected a path without spaces, and a single \\"/\\" first"]}',
      'healthCheck.path: expected a path without spaces, and a single "/" first',
    ],
  ],
  'a health check with a newline': [
    { ...HTTP, healthCheck: { path: '/a\r\nx: y' } },
    [
      '422 invalid_document: healthCheck.path: expected a path without spaces, and a single "/" first {"problems":["healthCheck.path: expected a path without spaces, and a single \\"/\\" first"]}',
      'healthCheck.path: expected a path without spaces, and a single "/" first',
    ],
  ],
  'a health check at an address': [
    { ...HTTP, healthCheck: { path: 'http://evil.example' } },
    [
      '422 invalid_document: healthCheck.path: must start with "/" {"problems":["healthCheck.path: must start with \\"/\\""]}',
      'healthCheck.path: must start with "/"',
    ],
  ],
  'a list every millisecond': [
    { ...HTTP, catalogTtlMs: 1 },
    [
      '422 invalid_document: catalogTtlMs: expected number to be >=1000 {"problems":["catalogTtlMs: expected number to be >=1000"]}',
      'catalogTtlMs: expected number to be >=1000',
    ],
  ],
  'retries without end': [
    { ...HTTP, retry: { maxAttempts: 1e9 } },
    [
      '422 invalid_document: retry.maxAttempts: expected number to be <=10 {"problems":["retry.maxAttempts: expected number to be <=10"]}',
      'retry.maxAttempts: expected number to be <=10',
    ],
  ],
  'a rate of nothing': [
    { ...HTTP, rateLimit: { calls: 0 } },
    [
      '422 invalid_document: rateLimit.calls: expected number to be >=1 {"problems":["rateLimit.calls: expected number to be >=1"]}',
      'rateLimit.calls: expected number to be >=1',
    ],
  ],
  'a fallback to a path': [
    { ...HTTP, fallback: '../x' },
    [
      '422 invalid_document: fallback: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["fallback: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
      'fallback: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter',
    ],
  ],
  'a description of 5,000 characters': [
    { ...HTTP, description: 'd'.repeat(5000) },
    [
      '422 invalid_document: description: expected string to have <=4000 characters {"problems":["description: expected string to have <=4000 characters"]}',
      'description: expected string to have <=4000 characters',
    ],
  ],
  'sharing of another kind': [
    { ...HTTP, sharing: 'world' },
    [
      '422 invalid_document: sharing: expected "tenant", "session" or "global" {"problems":["sharing: expected \\"tenant\\", \\"session\\" or \\"global\\""]}',
      'sharing: expected "tenant", "session" or "global"',
    ],
  ],
  'an era that is none': [
    { ...HTTP, era: 'future' },
    [
      '422 invalid_document: era: expected "auto", "legacy" or "modern" {"problems":["era: expected \\"auto\\", \\"legacy\\" or \\"modern\\""]}',
      'era: expected "auto", "legacy" or "modern"',
    ],
  ],
  'a document 40 levels deep': [
    { ...HTTP, tools: { a: { fixed: { a: deep(40) } } } },
    [
      '422 invalid_document: more than 20 levels deep {"problems":["more than 20 levels deep"]}',
      'more than 20 levels deep',
    ],
  ],
}

function deep(levels: number): unknown {
  return levels === 0 ? 1 : { a: deep(levels - 1) }
}
