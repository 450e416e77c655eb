import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import type { Snapshot } from '../../../src/domain/snapshot.ts'
import type { LastGood } from '../../../src/registry/documents/parse.ts'
import { parseSections } from '../../../src/registry/documents/parse-sections.ts'
import { problemsOfDocument, problemsOfRegistry } from '../../../src/registry/documents/validate.ts'

const DATABASE = {
  configSchema: {
    type: 'object',
    required: ['host'],
    properties: {
      host: { type: 'string' },
      port: { type: 'integer', default: 5432, maximum: 65_535 },
      mode: { enum: ['read', 'write'], default: 'read' },
      extra: { type: 'object' },
      token: { type: 'string' },
    },
  },
  maxInstances: 4,
  server: {
    transport: 'stdio',
    command: 'database-server',
    args: ['--address', '${config.host}:${config.port}', '--mode=${config.mode}', '$${config.host}'],
    timeoutMs: '${config.port}',
    description: 'A database',
    pool: { queueLimit: 7 },
  },
}
const SHARDS = {
  configSchema: { properties: { host: { type: 'string' }, token: { type: 'string' } } },
  server: {
    transport: 'streamable-http',
    url: 'http://${config.host}-${instance}.example.com:8080/mcp',
    auth: { kind: 'bearer', token: '${config.token}' },
  },
}
const WHOLE = {
  configSchema: { properties: { url: {}, args: {} } },
  server: { transport: 'http', url: '${config.url}' },
}
const templates = { database: DATABASE, shards: SHARDS, whole: WHOLE, broken: { server: {} } }
const use = (templateName: string, config: JsonObject = {}, fields: JsonObject = {}): JsonObject => ({
  transport: 'template',
  templateName,
  config,
  ...fields,
})

function parse(
  servers: JsonObject,
  { previous = new Map(), given = templates }: { previous?: LastGood; given?: JsonObject } = {},
): { snapshot: Snapshot; lastGood: LastGood } {
  const documents = (section: JsonObject): { id: string; value: unknown }[] =>
    Object.entries(section).map(([id, value]) => ({ id, value }))
  return parseSections({
    documents: {
      servers: documents(servers),
      templates: documents(given),
      pipelines: [],
      enhancement_rules: [],
    },
    tenants: { inUse: false, byId: new Map(), tolerated: new Set(), quarantined: [] },
    defaultTenant: 'local',
    previous,
    generation: 1,
  })
}
const one = (document: JsonObject): ServerDefinition | undefined =>
  parse({ a: document }).snapshot.servers.get('local/a')
const reasonOf = (document: JsonObject): string =>
  parse({ a: document }).snapshot.quarantined.find(({ id }) => id === 'a')?.reason ?? 'valid'

describe('a server of a template', () => {
  test('is an ordinary server, with the config and its defaults filled in', () => {
    expect(one(use('database', { host: 'db', mode: 'write' }))).toMatchObject({
      name: 'a',
      tenantId: 'local',
      transport: 'stdio',
      command: 'database-server',
      args: ['--address', 'db:5432', '--mode=write', '${config.host}'],
      timeoutMs: 5432,
      description: 'A database',
    })
  })

  test('has the fields of its own document before those of the template', () => {
    const fields = {
      timeoutMs: 9,
      description: 'Mine',
      requiredRoles: ['dba'],
      enabled: false,
      tenantId: 'acme',
    }
    const { snapshot } = parse({ a: use('database', { host: 'db' }, fields) })
    expect(snapshot.servers.get('acme/a')).toMatchObject({ ...fields, command: 'database-server' })
  })

  test('fills nothing in twice', () => {
    expect(one(use('database', { host: '${config.mode}$${x}' }))).toMatchObject({
      args: ['--address', '${config.mode}$${x}:5432', '--mode=read', '${config.host}'],
    })
  })

  test('over stdio has as many processes as instances, unless its pool says otherwise', () => {
    const poolOf = (fields: JsonObject): unknown => one(use('database', { host: 'db' }, fields))?.pool
    expect(poolOf({})).toEqual({ queueLimit: 7, idleMs: 600_000 })
    expect(poolOf({ instances: 3 })).toEqual({ min: 3, max: 3, queueLimit: 7, idleMs: 600_000 })
    expect(poolOf({ instances: 3, pool: { min: 1 } })).toEqual({ min: 1, max: 3, idleMs: 600_000 })
    expect(poolOf({ instances: 3, pool: { max: 2 } })).toEqual({ min: 2, max: 2, idleMs: 600_000 })
  })

  test('over HTTP has a URL for each instance', () => {
    const urls = (instances?: number): unknown =>
      one(use('shards', { host: 'db', token: 't' }, instances === undefined ? {} : { instances }))
    expect(urls()).toMatchObject({ instances: [{ url: 'http://db-1.example.com:8080/mcp' }] })
    expect(urls(2)).toMatchObject({
      instances: [{ url: 'http://db-1.example.com:8080/mcp' }, { url: 'http://db-2.example.com:8080/mcp' }],
      auth: { kind: 'bearer', token: 't' },
    })
  })

  test.each<[string, JsonObject, string]>([
    ['a template that there is not', use('nothing'), 'templateName: unknown template nothing'],
    ['a template that cannot be used', use('broken'), 'templateName: the template cannot be used: broken'],
    ['no template', { transport: 'template' }, 'templateName: missing, expected string'],
    ['a config that is a list', use('database', [] as never), 'config: expected object'],
    ['a config without what is required', use('database'), 'config.host: is required'],
    [
      'several wrong values',
      use('database', { host: 5, port: 70_000, mode: 'drop', prot: 1 }),
      'config.host: must be string; config.port: must be <= 65535; config.mode: must be equal to one of the allowed values: "read", "write"; config: unknown field "prot"',
    ],
    [
      'no value for a placeholder',
      use('shards', { host: 'db' }),
      'config.token: has no value, for server.auth.token',
    ],
    [
      'a value that leads a URL elsewhere',
      use('shards', { host: 'evil.example/', token: 't' }),
      'config.host: only letters, digits, ".", "_", "~" and "-" are allowed inside a URL, for server.url',
    ],
    [
      'what no server can be',
      use('whole', { url: 'ftp://x' }),
      'template whole: server.url: Invalid URL, expected http:// or https:// and a host',
    ],
    [
      'fields that no server has, and wrong ones of its own',
      use('whole', { url: 'http://x' }, { timeoutMs: 0, retries: 1 }),
      'timeoutMs: expected number to be >=1; unknown field "retries"',
    ],
    [
      'fields that are the template’s',
      use('database', { host: 'db' }, { args: ['-e', 'x'], env: {}, sharing: 'session' }),
      'args: it is set by the template; env: it is set by the template; sharing: it is set by the template',
    ],
    [
      'several instances where there is one URL',
      use('whole', { url: 'http://x' }, { instances: 2 }),
      'instances: the URL of the template has no ${instance}, so only one instance is possible',
    ],
    [
      'more instances than allowed',
      use('database', { host: 'db' }, { instances: 5 }),
      'instances: the template allows at most 4',
    ],
    [
      'more processes than allowed',
      use('database', { host: 'db' }, { pool: { max: 50 } }),
      'pool.max: the template allows at most 4',
    ],
    [
      'a number of instances that is none',
      use('database', { host: 'db' }, { instances: 0 }),
      'instances: expected number to be >=1',
    ],
    [
      'a secret of another tenant',
      use('shards', { host: 'db', token: 'secret://globex_token' }),
      'template shards: server.auth.token: secret://globex_token may not be used here: a document of tenant local may use secrets named local_…',
    ],
    [
      'a field that schemas pass over',
      use('database', { ['__proto__']: 1 }),
      'a field may not be named "__proto__"',
    ],
  ])('with %s is quarantined with the place', (_case, document, reason) => {
    expect(reasonOf(document)).toBe(reason)
  })

  test('that is wrong hurts no other, and its last good version serves on under its new access rules', () => {
    const first = parse({ a: use('database', { host: 'db' }), b: use('database', { host: 'b' }) })
    const { snapshot } = parse(
      { a: use('database', { host: 5 }, { requiredRoles: ['dba'] }), b: use('database', { host: 'b' }) },
      { previous: first.lastGood },
    )
    expect(snapshot.servers.get('local/a')).toMatchObject({
      args: ['--address', 'db:5432', '--mode=read', '${config.host}'],
      requiredRoles: ['dba'],
    })
    expect(snapshot.servers.get('local/b')).toEqual(first.snapshot.servers.get('local/b'))
    expect(snapshot.quarantined).toMatchObject([
      { id: 'a', lastGoodServes: true },
      { id: 'templates/broken' },
    ])
  })

  test('follows its template, and stays as it was while that is broken or gone', () => {
    const servers = { a: use('database', { host: 'db' }) }
    const first = parse(servers)
    const changed = { ...DATABASE, server: { transport: 'stdio', command: 'other' } }
    const second = parse(servers, { previous: first.lastGood, given: { database: changed } })
    expect(second.snapshot.servers.get('local/a')).toMatchObject({ command: 'other', args: [] })
    for (const given of [{}, { database: { server: 5 } }]) {
      const { snapshot } = parse(servers, { previous: second.lastGood, given })
      expect(snapshot.servers.get('local/a')).toMatchObject({ command: 'other' })
      expect(snapshot.quarantined).toContainEqual(expect.objectContaining({ id: 'a', lastGoodServes: true }))
    }
  })

  test('sees the templates of its own tenant only', () => {
    const given = { database: { ...DATABASE, tenantId: 'acme' } }
    const servers = {
      a: use('database', { host: 'db' }, { tenantId: 'acme' }),
      b: use('database', { host: 'db' }, { tenantId: 'globex' }),
    }
    const { snapshot } = parse(servers, { given })
    expect([...snapshot.servers.keys()]).toEqual(['acme/a'])
    expect(snapshot.quarantined).toMatchObject([
      { id: 'b', tenantId: 'globex', reason: 'templateName: unknown template database' },
    ])
  })

  test('whose schema refers to itself without end is refused, one way or the other', () => {
    const endless = (a: JsonObject): string => {
      const configSchema = { $ref: '#/$defs/a', $defs: { a } }
      const given = { endless: { configSchema, server: { transport: 'stdio', command: 'x' } } }
      const { quarantined } = parse({ a: use('endless') }, { given }).snapshot
      return quarantined[0]?.reason ?? 'valid'
    }
    expect(endless({ $ref: '#/$defs/a' })).toBe('templateName: the template cannot be used: endless')
    expect(endless({ anyOf: [{ $ref: '#/$defs/a' }] })).toBe('config: cannot be checked by this schema')
  })
})

describe('before it is stored, a document', () => {
  const document = { name: 'a', tenantId: 'acme', ...use('database', { host: 'db' }) }

  test('is checked with the templates that there are', () => {
    const stored = [{ name: 'database', tenantId: '*', ...DATABASE }]
    expect(problemsOfDocument(document, stored)).toEqual([])
    expect(problemsOfDocument({ ...document, config: {} }, stored)).toEqual(['config.host: is required'])
    expect(problemsOfDocument(document, [])).toEqual(['templateName: unknown template database'])
  })

  test('is checked as far as that goes where the templates are not known', () => {
    expect(problemsOfRegistry([document])).toEqual([])
    expect(problemsOfRegistry([{ ...document, command: 'x', templateName: 'No' }])).toEqual([
      {
        name: 'acme/a',
        problems: [
          'templateName: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter',
          'command: it is set by the template',
        ],
      },
    ])
    expect(problemsOfRegistry([{ ...document, requiredRoles: 5, retries: 1 }])).toEqual([
      { name: 'acme/a', problems: ['requiredRoles: expected array or object', 'unknown field "retries"'] },
    ])
  })
})
