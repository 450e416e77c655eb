import { describe, expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { type LastGood, parseRegistry, type ServersSnapshot } from '../../../src/registry/documents/parse.ts'

const parse = (
  documents: Record<string, unknown>,
  previous: LastGood = new Map<string, ServerDefinition>(),
): { snapshot: ServersSnapshot; lastGood: LastGood } =>
  parseRegistry({
    documents: Object.entries(documents).map(([id, value]) => ({ id, value })),
    defaultTenant: 'local',
    previous,
    generation: 7,
  })
const reasonOf = (value: unknown): string => parse({ a: value }).snapshot.quarantined[0]?.reason ?? 'valid'
const keysOf = ({ snapshot }: { snapshot: ServersSnapshot }): string[] => [...snapshot.servers.keys()]

const STDIO = { transport: 'stdio', command: 'node' }
const HTTP = { transport: 'http', url: 'https://mcp.example.com/mcp' }

describe('valid documents', () => {
  test('become servers named by their id and of the default tenant, unless they say otherwise', () => {
    const { snapshot } = parse({
      a: STDIO,
      b: { ...HTTP, name: 'other', tenantId: 'acme' },
      c: { ...STDIO, tenantId: '*' },
    })
    expect([...snapshot.servers.keys()]).toEqual(['local/a', 'acme/other', '*/c'])
    expect(snapshot.generation).toBe(7)
    expect(snapshot.quarantined).toEqual([])
  })

  test('of one name in two tenants are two servers', () => {
    expect(
      keysOf(
        parse({
          a: { ...STDIO, name: 'x', tenantId: 'acme' },
          b: { ...STDIO, name: 'x', tenantId: 'globex' },
        }),
      ),
    ).toEqual(['acme/x', 'globex/x'])
  })
})

describe('an invalid document', () => {
  test('is quarantined, the others serve', () => {
    const result = parse({ a: STDIO, b: { transport: 'stdio' }, c: HTTP })
    expect(keysOf(result)).toEqual(['local/a', 'local/c'])
    expect(result.snapshot.quarantined).toEqual([
      {
        id: 'b',
        name: 'b',
        tenantId: 'local',
        reason: 'command: give either command or package',
        lastGoodServes: false,
      },
    ])
  })

  test.each<[string, unknown, string]>([
    ['not an object', 5, 'expected object, received number'],
    ['nothing', null, 'expected object, received null'],
    ['no transport', {}, 'transport: expected stdio, streamable-http, sse or http'],
    [
      'an unknown transport',
      { transport: 'carrier-pigeon' },
      'transport: expected stdio, streamable-http, sse or http',
    ],
    [
      'unknown fields',
      { ...STDIO, retries: 3, poool: 1 },
      'unknown field "retries"; unknown field "poool", did you mean "pool"?',
    ],
    ['a field of another transport', { ...HTTP, command: 'x' }, 'unknown field "command"'],
    ['a number out of range', { ...STDIO, pool: { max: 0 } }, 'pool.max: expected number to be >=1'],
    ['a fraction', { ...STDIO, timeoutMs: 1.5 }, 'timeoutMs: expected integer, received number'],
    ['an unknown word', { ...STDIO, era: 'old' }, 'era: expected "auto", "legacy" or "modern"'],
    [
      'a name with underscore',
      { ...STDIO, name: 'a_b' },
      'name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter',
    ],
    ['a name that is a number', { ...STDIO, name: 5 }, 'name: expected string, received number'],
    ['a tenant that is a number', { ...STDIO, tenantId: 5 }, 'tenantId: expected "*" or string'],
    ['an empty tenant', { ...STDIO, tenantId: null }, 'tenantId: expected "*" or string'],
    [
      'roles that are a word',
      { ...STDIO, requiredRoles: 'admin' },
      'requiredRoles: expected array or object',
    ],
    [
      'roles that are numbers',
      { ...STDIO, requiredRoles: [5] },
      'requiredRoles[0]: expected string, received number',
    ],
    [
      'allOf that is a word',
      { ...STDIO, requiredRoles: { allOf: 'x' } },
      'requiredRoles.allOf: expected array, received string',
    ],
    [
      'an unknown field of an override',
      { ...STDIO, tools: { x: { roles: [] } } },
      'tools.x: unknown field "roles", did you mean "requiredRoles"?',
    ],
    [
      'a list as an override',
      { ...STDIO, tools: { x: ['a'] } },
      'tools.x: expected an override object, not a list',
    ],
    [
      'an illegal variable name',
      { ...STDIO, env: { 'A B': 'x' } },
      'env: a name is not a legal variable name',
    ],
    [
      'an unknown kind of auth',
      { ...HTTP, auth: { kind: 'magic' } },
      'auth.kind: expected none, bearer, headers, oauth, client_credentials, token_exchange or gateway_assertion',
    ],
    ['auth without token', { ...HTTP, auth: { kind: 'bearer' } }, 'auth.token: missing, expected string'],
    [
      'another protocol',
      { ...HTTP, url: 'ftp://example.com' },
      'url: Invalid URL, expected http:// or https:// and a host',
    ],
    [
      'an instance without url',
      { transport: 'sse', instances: [{}] },
      'instances[0].url: missing, expected string',
    ],
    [
      'several problems',
      { transport: 'x', requiredRoles: 'admin', enabled: 'yes' },
      'enabled: expected boolean, received string; requiredRoles: expected array or object; transport: expected stdio, streamable-http, sse or http',
    ],
  ])('with %s says so', (_case, value, reason) => {
    expect(reasonOf(value)).toBe(reason)
  })

  test('does not repeat values of env and headers, nor names that may be values', () => {
    const reasons = [
      reasonOf({ ...STDIO, env: ['KEY=hunter2'] }),
      reasonOf({ ...STDIO, env: { 'KEY=hunter2': null } }),
      reasonOf({ ...STDIO, env: { KEY: ['hunter2'] }, 'TOKEN=hunter2': 1 }),
      reasonOf({ ...HTTP, headers: { 'x: hunter2': 'x', y: 'hunter2\n' } }),
      reasonOf({ ...HTTP, auth: { kind: 'bearer', token: 'hunter2\n' } }),
      reasonOf({ ...HTTP, url: 'https://me:hunter2@example.com' }),
    ]
    expect(reasons).not.toContain('valid')
    expect(reasons.join(' ')).not.toContain('hunter2')
    expect(reasons[2]).toBe('env.KEY: expected string, received array; unknown field with an illegal name')
  })

  test('has a reason of bounded length', () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`field${index}`, 1]))
    expect(reasonOf({ ...STDIO, ...fields })).toHaveLength(2001)
  })

  test('that hides a rule under the name __proto__ is refused', () => {
    const tools: unknown = JSON.parse('{"__proto__": {"requiredRoles": ["admin"]}}')
    expect(reasonOf({ ...STDIO, tools })).toBe('a field may not be named "__proto__"')
  })

  test('without end is refused', () => {
    const endless: Record<string, unknown> = {}
    endless['again'] = endless
    expect(reasonOf({ ...STDIO, retry: endless })).toBe('more than 20 levels deep')
  })

  test('names itself and its tenant only when these are plausible', () => {
    const { snapshot } = parse({ a: { ...STDIO, name: 'X'.repeat(100), tenantId: 'No Tenant' } })
    expect(snapshot.quarantined).toMatchObject([{ id: 'a', name: 'X'.repeat(64), tenantId: undefined }])
  })
})

describe('the last good version', () => {
  const { lastGood } = parse({ a: { ...STDIO, requiredRoles: ['reader'] } })

  test('serves on when another part than access is invalid', () => {
    const result = parse({ a: { ...STDIO, requiredRoles: ['reader'], timeoutMs: 'soon' } }, lastGood)
    expect(result.snapshot.servers.get('local/a')).toMatchObject({
      command: 'node',
      requiredRoles: ['reader'],
    })
    expect(result.snapshot.quarantined).toEqual([
      {
        id: 'a',
        name: 'a',
        tenantId: 'local',
        reason: 'timeoutMs: expected number, received string',
        lastGoodServes: true,
      },
    ])
  })

  test('serves under the access part of the invalid document', () => {
    const { snapshot } = parse(
      { a: { ...STDIO, requiredRoles: ['admin'], agentAllowlist: ['x'], timeoutMs: 'soon' } },
      lastGood,
    )
    expect(snapshot.servers.get('local/a')).toMatchObject({ requiredRoles: ['admin'], agentAllowlist: ['x'] })
    expect(
      parse({ a: { ...STDIO, enabled: false, timeoutMs: 'soon' } }, lastGood).snapshot.servers.get('local/a'),
    ).toMatchObject({
      enabled: false,
    })
    expect(keysOf(parse({ a: { ...STDIO, tenantId: 'acme', timeoutMs: 'soon' } }, lastGood))).toEqual([
      'acme/a',
    ])
  })

  test.each([
    { tenantId: 'No Tenant' },
    { enabled: 'yes' },
    { requiredRoles: 'admin' },
    { agentAllowlist: {} },
    { tools: [] },
    { retry: JSON.parse('{"__proto__": 1}') as unknown },
  ])('is hidden when the access part cannot be read: %j', (part) => {
    const { snapshot } = parse({ a: { ...STDIO, ...part } }, lastGood)
    expect(snapshot.servers.size).toBe(0)
    expect(snapshot.quarantined).toMatchObject([{ id: 'a', lastGoodServes: false }])
  })

  test('survives several bad versions and ends with its document', () => {
    const bad = parse({ a: 5 }, lastGood)
    const stillBad = parse({ a: { ...STDIO, timeoutMs: 'soon' } }, bad.lastGood)
    expect(keysOf(stillBad)).toEqual(['local/a'])
    const gone = parse({}, stillBad.lastGood)
    expect(keysOf(parse({ a: { ...STDIO, timeoutMs: 'soon' } }, gone.lastGood))).toEqual([])
  })
})

describe('a name that is used twice', () => {
  test('goes to the first of one tenant', () => {
    const result = parse({ a: { ...STDIO, name: 'x', args: ['1'] }, b: { ...STDIO, name: 'x', args: ['2'] } })
    expect(result.snapshot.servers.get('local/x')).toMatchObject({ args: ['1'] })
    expect(result.snapshot.quarantined).toEqual([
      {
        id: 'b',
        name: 'x',
        tenantId: 'local',
        reason: 'name: x is already taken by document a',
        lastGoodServes: false,
      },
    ])
  })

  test('goes to the server for all tenants, wherever it stands', () => {
    const result = parse({
      a: { ...STDIO, name: 'x', tenantId: 'acme' },
      b: { ...STDIO, name: 'x', tenantId: '*' },
      c: { ...STDIO, name: 'x', tenantId: 'globex' },
    })
    expect(keysOf(result)).toEqual(['*/x'])
    expect(result.snapshot.quarantined.map(({ id, reason }) => [id, reason])).toEqual([
      ['a', 'name: x is already taken by a server for all tenants'],
      ['c', 'name: x is already taken by a server for all tenants'],
    ])
  })

  test('adds to the reason of a document that was invalid anyway', () => {
    const { lastGood } = parse({ a: { ...STDIO, name: 'x' } })
    const { snapshot } = parse(
      { a: { ...STDIO, era: 'old' }, b: { ...STDIO, name: 'x', tenantId: '*' } },
      lastGood,
    )
    expect(snapshot.quarantined).toMatchObject([
      {
        id: 'a',
        reason:
          'era: expected "auto", "legacy" or "modern"; name: x is already taken by a server for all tenants',
        lastGoodServes: false,
      },
    ])
  })
})
