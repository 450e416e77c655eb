import { describe, expect, test } from '@jest/globals'
import { type Changes, diff } from '../../src/reconcile/diff.ts'
import { serverDocumentSchema, serverKey } from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../src/domain/snapshot.ts'

/** Documents over the least that a stdio server needs; an undefined field takes one away. */
const snapshotOf = (...documents: object[]): Snapshot => {
  const servers = documents.map((document) => {
    const fields = { name: 'a', tenantId: 'acme', transport: 'stdio', command: 'node', ...document }
    return serverDocumentSchema.parse(
      Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    )
  })
  return {
    ...EMPTY_SNAPSHOT,
    generation: 1,
    servers: new Map(servers.map((server) => [serverKey(server), server])),
  }
}
const shortOf = ({ added, replaced, updated, removed }: Changes): object => ({
  added: added.map(serverKey),
  replaced: replaced.map(serverKey),
  updated: updated.map(serverKey),
  removed: [...removed],
})
const NOTHING = { added: [], replaced: [], updated: [], removed: [] }
const changeOf = (before: object, after: object): object =>
  shortOf(diff(snapshotOf(before), snapshotOf(after)))

test('equal snapshots have no difference, whatever the order of fields', () => {
  const before = { env: { A: '1', B: '2' }, description: 'x' }
  const after = { description: 'x', env: { B: '2', A: '1' } }
  expect(changeOf(before, after)).toEqual(NOTHING)
})

test('everything is new after nothing, and gone before nothing', () => {
  const snapshot = snapshotOf({}, { name: 'b', tenantId: '*' })
  expect(shortOf(diff(EMPTY_SNAPSHOT, snapshot))).toEqual({ ...NOTHING, added: ['acme/a', '*/b'] })
  expect(shortOf(diff(snapshot, EMPTY_SNAPSHOT))).toEqual({ ...NOTHING, removed: ['acme/a', '*/b'] })
})

test('a server that changes its tenant is another one', () => {
  expect(changeOf({ tenantId: 'acme' }, { tenantId: 'globex' })).toEqual({
    ...NOTHING,
    added: ['globex/a'],
    removed: ['acme/a'],
  })
})

describe('a change of', () => {
  test.each<[string, object]>([
    ['command', { command: 'deno' }],
    ['package', { command: undefined, package: 'some-server' }],
    ['args', { args: ['x'] }],
    ['cwd', { cwd: '/' }],
    ['env', { env: { A: '1' } }],
    ['era', { era: 'legacy' }],
    ['sharing', { sharing: 'session' }],
    ['transport', { transport: 'http', command: undefined, url: 'https://a.example.com' }],
  ])('%s replaces the connection', (_field, change) => {
    expect(changeOf({}, change)).toEqual({ ...NOTHING, replaced: ['acme/a'] })
  })

  const http = { transport: 'http', command: undefined, url: 'https://a.example.com' }
  test.each<[string, object]>([
    ['headers', { headers: { a: 'b' } }],
    ['auth', { auth: { kind: 'bearer', token: 'x' } }],
    ['transport', { transport: 'sse' }],
  ])('%s of an HTTP server replaces the connection', (_field, change) => {
    expect(changeOf(http, { ...http, ...change })).toEqual({ ...NOTHING, replaced: ['acme/a'] })
  })

  test.each<[string, object]>([
    ['url', { url: 'https://b.example.com' }],
    ['instances', { url: undefined, instances: [{ url: 'https://a.example.com' }] }],
    ['loadBalancing', { loadBalancing: 'weighted' }],
    ['healthCheck', { healthCheck: { path: '/healthz' } }],
  ])('%s of an HTTP server leaves the connections to endpoints that stay alone', (_field, change) => {
    expect(changeOf(http, { ...http, ...change })).toEqual({ ...NOTHING, updated: ['acme/a'] })
  })

  test.each<[string, object]>([
    ['requiredRoles', { requiredRoles: ['admin'] }],
    ['agentAllowlist', { agentAllowlist: [] }],
    ['tools', { tools: { exclude: ['x'] } }],
    ['description', { description: 'x' }],
    ['timeoutMs', { timeoutMs: 5 }],
    ['catalogTtlMs', { catalogTtlMs: 1000 }],
    ['lifecycle', { lifecycle: { maxRestarts: 1 } }],
    ['pool', { pool: { idleMs: 1000 } }],
  ])('%s leaves the connection alone', (_field, change) => {
    expect(changeOf({}, change)).toEqual({ ...NOTHING, updated: ['acme/a'] })
  })
})

describe('a disabled server', () => {
  test('is gone, and back once enabled, whatever else changed', () => {
    expect(changeOf({}, { enabled: false, command: 'x' })).toEqual({ ...NOTHING, removed: ['acme/a'] })
    expect(changeOf({ enabled: false }, { command: 'x' })).toEqual({ ...NOTHING, added: ['acme/a'] })
  })

  test('that is edited, made or removed changes nothing', () => {
    expect(changeOf({ enabled: false }, { enabled: false, command: 'x' })).toEqual(NOTHING)
    expect(shortOf(diff(EMPTY_SNAPSHOT, snapshotOf({ enabled: false })))).toEqual(NOTHING)
    expect(shortOf(diff(snapshotOf({ enabled: false }), EMPTY_SNAPSHOT))).toEqual(NOTHING)
  })
})
