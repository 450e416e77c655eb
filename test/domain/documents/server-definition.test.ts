import { describe, expect, test } from '@jest/globals'
import {
  accessPartSchema,
  serverDocumentSchema,
  serverKey,
  withoutEffect,
} from '../../../src/domain/documents/server-definition.ts'

const STDIO = { name: 'a', tenantId: 'acme', transport: 'stdio', command: 'node' }
const HTTP = { name: 'a', tenantId: 'acme', transport: 'http', url: 'https://mcp.example.com' }
const STREAMABLE = { ...HTTP, transport: 'streamable-http' }
const isValid = (document: unknown): boolean => serverDocumentSchema.safeParse(document).success

test('the least document gets its defaults', () => {
  expect(serverDocumentSchema.parse(STDIO)).toEqual({
    name: 'a',
    tenantId: 'acme',
    transport: 'stdio',
    command: 'node',
    args: [],
    env: {},
    enabled: true,
    sharing: 'tenant',
    era: 'auto',
    catalogTtlMs: 300_000,
    clientCapabilities: ['elicitation', 'sampling'],
    lifecycle: { autoStart: true, restartOnFailure: true, maxRestarts: 10 },
    pool: { idleMs: 600_000 },
    stickySessions: false,
    healthCheck: { enabled: true, intervalMs: 30_000, timeoutMs: 5000, unhealthyAfter: 3, healthyAfter: 1 },
    retry: { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 2000 },
    circuitBreaker: {
      enabled: true,
      failureThreshold: 5,
      errorPercentage: 50,
      minimumCalls: 20,
      windowMs: 60_000,
      recoveryTimeoutMs: 10_000,
    },
  })
  expect(serverDocumentSchema.parse(HTTP)).toMatchObject({ headers: {}, auth: { kind: 'none' } })
})

describe('a document', () => {
  test.each([
    { ...STDIO, tenantId: '*' },
    { ...STDIO, name: 'a'.repeat(40) },
    { ...STDIO, command: undefined, package: '@scope/some-server' },
    {
      ...STDIO,
      requiredRoles: { allOf: ['a', 'b'] },
      agentAllowlist: [],
      tools: { include: ['*'], x: { title: 'X' } },
    },
    {
      ...HTTP,
      url: undefined,
      instances: [{ url: 'http://127.0.0.1:1', weight: 2 }, { url: 'http://127.0.0.1:2' }],
    },
    { ...HTTP, auth: { kind: 'headers', headers: { 'x-key': 'k' } } },
    { ...HTTP, auth: { kind: 'client_credentials', clientId: 'a', clientSecret: 'b', resource: 'none' } },
    { ...HTTP, auth: { kind: 'client_credentials', clientId: 'a', privateKey: 'secret://acme_key' } },
    { ...HTTP, auth: { kind: 'token_exchange', clientId: 'a', clientSecret: 'b', subject: 'assertion' } },
    { ...HTTP, auth: { kind: 'gateway_assertion' } },
    { ...STREAMABLE, forwardHeaders: ['Accept-Language', 'authorization'] },
  ])('may be %j', (document) => {
    expect(isValid(document)).toBe(true)
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a name with underscore', { ...STDIO, name: 'a_b' }],
    ['a name with capitals', { ...STDIO, name: 'A' }],
    ['a name that is a homoglyph', { ...STDIO, name: 'аb' }],
    ['a name that starts with a digit', { ...STDIO, name: '1a' }],
    ['a long name', { ...STDIO, name: 'a'.repeat(41) }],
    ['a name of the prototype', { ...STDIO, name: '__proto__' }],
    ['no tenant', { ...STDIO, tenantId: undefined }],
    ['neither command nor package', { ...STDIO, command: undefined }],
    ['both command and package', { ...STDIO, package: 'x' }],
    ['a package with a version', { ...STDIO, command: undefined, package: 'x@1' }],
    ['a package that is a path', { ...STDIO, command: undefined, package: '../x' }],
    ['NUL in an argument', { ...STDIO, args: ['a\0'] }],
    ['NUL in the environment', { ...STDIO, env: { A: 'a\0' } }],
    ['neither url nor instances', { ...HTTP, url: undefined }],
    ['both url and instances', { ...HTTP, instances: [{ url: 'https://x.example.com' }] }],
    ['a url with a password', { ...HTTP, url: 'https://u:p@x.example.com' }],
    ['a url with a fragment', { ...HTTP, url: 'https://x.example.com/#a' }],
    ['a file url', { ...HTTP, url: 'file:///etc/passwd' }],
    ['a header with a line break', { ...HTTP, headers: { a: 'b\r\nc: d' } }],
    ['a client without a proof', { ...HTTP, auth: { kind: 'client_credentials', clientId: 'a' } }],
    [
      'a client with two proofs',
      { ...HTTP, auth: { kind: 'token_exchange', clientId: 'a', clientSecret: 'b', privateKey: 'c' } },
    ],
    [
      'an identity assertion of nobody',
      {
        ...HTTP,
        auth: {
          kind: 'token_exchange',
          clientId: 'a',
          clientSecret: 'b',
          identityAssertion: { clientId: 'a', clientSecret: 'b' },
        },
      },
    ],
    ['an assertion for a day', { ...HTTP, auth: { kind: 'gateway_assertion', lifetimeSeconds: 86_400 } }],
    ['cookies of callers', { ...STREAMABLE, forwardHeaders: ['Cookie'] }],
    ['the address of callers', { ...STREAMABLE, forwardHeaders: ['x-forwarded-for'] }],
    ['a header that the protocol has', { ...STREAMABLE, forwardHeaders: ['mcp-session-id'] }],
    [
      'a header of callers beside its own',
      { ...STREAMABLE, headers: { 'X-Key': 'k' }, forwardHeaders: ['x-key'] },
    ],
    [
      'the token of callers beside its own',
      { ...STREAMABLE, auth: { kind: 'bearer', token: 'a' }, forwardHeaders: ['authorization'] },
    ],
    ['headers of callers over SSE', { ...HTTP, transport: 'sse', forwardHeaders: ['x-key'] }],
    ['roles as a word', { ...STDIO, requiredRoles: 'admin' }],
    ['an infinite time', { ...STDIO, timeoutMs: Number.POSITIVE_INFINITY }],
    ['a time of zero', { ...STDIO, timeoutMs: 0 }],
    ['a limit as text', { ...STDIO, maxConcurrency: '5' }],
    ['an unknown field', { ...STDIO, requiredRole: ['admin'] }],
  ])('with %s is refused', (_case, document) => {
    expect(isValid(document)).toBe(false)
  })
})

test('the access part can be read from a document that is invalid elsewhere', () => {
  expect(accessPartSchema.parse({ transport: 5, tenantId: 'acme', requiredRoles: ['a'] })).toEqual({
    tenantId: 'acme',
    enabled: true,
    requiredRoles: ['a'],
  })
})

test('a server is known by tenant and name', () => {
  expect(serverKey({ tenantId: '*', name: 'a' })).toBe('*/a')
})

test('fields that do nothing for a server are named', () => {
  expect(withoutEffect(serverDocumentSchema.parse({ ...STDIO, pool: { min: 1, max: 2 } }))).toEqual([])
  const http = serverDocumentSchema.parse({
    ...HTTP,
    pool: { max: 2, idleMs: 1000 },
    sharing: 'session',
    tools: { include: ['*'], x: { cacheTtlMs: 5 } },
  })
  expect(withoutEffect(http)).toEqual([
    'pool.max has no effect on a server with transport http',
    'tools.*.cacheTtlMs has no effect on a server with sharing session',
  ])
  const doubled = serverDocumentSchema.parse({
    ...HTTP,
    headers: { Authorization: 'Bearer x', 'X-Key': 'y' },
    auth: { kind: 'bearer', token: 'z' },
    fallback: 'a',
  })
  expect(withoutEffect(doubled)).toEqual([
    'headers.Authorization has no effect, because auth sets that header',
    'fallback has no effect, because it names the server itself',
  ])
  const keyed = { ...HTTP, headers: { 'X-Key': 'y' }, auth: { kind: 'headers', headers: { 'x-key': 'z' } } }
  expect(withoutEffect(serverDocumentSchema.parse(keyed))).toEqual([
    'headers.X-Key has no effect, because auth sets that header',
  ])
  const stdio = serverDocumentSchema.parse({ ...STDIO, healthCheck: { path: '/health' } })
  expect(withoutEffect(stdio)).toEqual(['healthCheck.path has no effect on a server with transport stdio'])
})
