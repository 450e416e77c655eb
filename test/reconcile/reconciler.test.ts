import { beforeEach, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { Reconciler } from '../../src/reconcile/reconciler.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/json/json.ts'
import { serverDocumentSchema, serverKey } from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type QuarantinedDocument, type Snapshot } from '../../src/domain/snapshot.ts'

let calls: string[]
let log: JsonObject[]
let reconciler: Reconciler
let onApply: (snapshot: Snapshot) => void
let failAt: string | undefined

const call = (name: string): void => {
  calls.push(name)
  if (name === failAt) throw new Error('no')
}

function objectOf(line: string): JsonObject {
  const value: unknown = JSON.parse(line)
  return isJsonObject(value) ? value : {}
}

beforeEach(() => {
  calls = []
  log = []
  onApply = () => {}
  failAt = undefined
  reconciler = new Reconciler({
    upstreams: {
      start: (server) => call(`start ${serverKey(server)}`),
      replace: (server) => call(`replace ${serverKey(server)}`),
      update: (server) => call(`update ${serverKey(server)}`),
      stop: (key) => call(`stop ${key}`),
    },
    catalog: {
      applySnapshot: (snapshot) => {
        call(`catalog ${snapshot.generation}`)
        onApply(snapshot)
      },
    },
    logger: pino({ base: null }, { write: (line: string) => void log.push(objectOf(line)) }),
  })
})

const snapshotOf = (
  generation: number,
  documents: Record<string, object>,
  quarantined: QuarantinedDocument[] = [],
): Snapshot => {
  const servers = Object.entries(documents).map(([name, document]) =>
    serverDocumentSchema.parse({ name, tenantId: 'acme', transport: 'stdio', command: 'node', ...document }),
  )
  return {
    ...EMPTY_SNAPSHOT,
    generation,
    servers: new Map(servers.map((server) => [serverKey(server), server])),
    quarantined,
  }
}

test('before the first snapshot the empty one is in force', () => {
  expect(reconciler.snapshot).toBe(EMPTY_SNAPSHOT)
})

test('access comes first, then what is gone, what is replaced, what is edited, what is new', () => {
  reconciler.apply(snapshotOf(1, { a: {}, b: {}, c: {}, d: {} }))
  calls = []
  const next = snapshotOf(2, { a: {}, b: { args: ['x'] }, c: { requiredRoles: ['r'] }, e: {} })
  reconciler.apply(next)
  expect(calls).toEqual(['catalog 2', 'stop acme/d', 'replace acme/b', 'update acme/c', 'start acme/e'])
  expect(reconciler.snapshot).toBe(next)
})

test('a snapshot that is not newer is passed over', () => {
  reconciler.apply(snapshotOf(2, { a: {} }))
  reconciler.apply(snapshotOf(2, {}))
  reconciler.apply(snapshotOf(1, {}))
  expect(calls).toEqual(['catalog 2', 'start acme/a'])
})

test('of the snapshots that come in meanwhile only the newest is applied, and one at a time', () => {
  onApply = ({ generation }) => {
    if (generation !== 1) return
    reconciler.apply(snapshotOf(2, { b: {} }))
    reconciler.apply(snapshotOf(4, { d: {} }))
    reconciler.apply(snapshotOf(3, { c: {} }))
  }
  reconciler.apply(snapshotOf(1, { a: {} }))
  expect(calls).toEqual(['catalog 1', 'start acme/a', 'catalog 4', 'stop acme/a', 'start acme/d'])
  expect(reconciler.snapshot.generation).toBe(4)
})

test('a failure at one server is logged and the others get their change', () => {
  failAt = 'start acme/a'
  reconciler.apply(snapshotOf(1, { a: {}, b: {} }))
  expect(calls).toEqual(['catalog 1', 'start acme/a', 'start acme/b'])
  expect(log).toMatchObject([
    { msg: 'applying the registry failed', target: 'acme/a', err: { message: 'no' } },
    { msg: 'registry applied' },
  ])
})

test('a failing catalog does not keep connections from being closed', () => {
  reconciler.apply(snapshotOf(1, { a: {} }))
  failAt = 'catalog 2'
  reconciler.apply(snapshotOf(2, {}))
  expect(calls).toEqual(['catalog 1', 'start acme/a', 'catalog 2', 'stop acme/a'])
})

describe('what fails', () => {
  const next = (generation: number, documents: Record<string, object>): void =>
    reconciler.apply(snapshotOf(generation, documents))

  test('is named until it succeeds, and is tried again with the next snapshot', () => {
    failAt = 'start acme/a'
    next(1, { a: {}, b: {} })
    expect(reconciler.failures).toEqual(['acme/a'])
    failAt = undefined
    calls = []
    next(2, { a: {}, b: {} })
    expect(calls).toEqual(['catalog 2', 'start acme/a'])
    expect(reconciler.failures).toEqual([])
  })

  test('to stop is tried again, and to replace makes a new start', () => {
    next(1, { a: {}, b: {} })
    failAt = 'stop acme/a'
    next(2, { b: {} })
    failAt = 'replace acme/b'
    next(3, { b: { args: ['x'] } })
    expect(reconciler.failures).toEqual(['acme/b'])
    failAt = undefined
    calls = []
    next(4, { b: { args: ['x'] } })
    expect(calls).toEqual(['catalog 4', 'start acme/b'])
  })

  test('is forgotten with the server', () => {
    failAt = 'start acme/a'
    next(1, { a: {} })
    next(2, {})
    expect(reconciler.failures).toEqual([])
  })

  test('at one part of the gateway is named with it, and keeps no edit from the others', () => {
    failAt = 'catalog 1'
    next(1, { a: {} })
    expect(reconciler.failures).toEqual(['catalog'])
    expect(log).toMatchObject([{ target: 'catalog', err: { message: 'no' } }, { msg: 'registry applied' }])
    next(2, { a: { enabled: false } })
    expect(calls).toEqual(['catalog 1', 'start acme/a', 'catalog 2', 'stop acme/a'])
    expect(reconciler.failures).toEqual([])
  })

  test('at a part that follows the registry keeps no edit from the others', () => {
    const followed: number[] = []
    const applied: number[] = []
    const nothing = (): void => undefined
    const following = new Reconciler({
      upstreams: { start: nothing, replace: nothing, update: nothing, stop: nothing },
      catalog: { applySnapshot: ({ generation }) => applied.push(generation) },
      followers: {
        broken: { setServers: () => call(failAt ?? '') },
        sound: { setServers: (servers) => void followed.push(servers.size) },
      },
      logger: pino({ level: 'silent' }),
    })
    failAt = 'broken'
    following.apply(snapshotOf(1, { a: {} }))
    following.apply(snapshotOf(2, { a: {}, b: {} }))
    expect({ applied, followed, failures: following.failures }).toEqual({
      applied: [1, 2],
      followed: [1, 2],
      failures: ['broken'],
    })
  })
})

describe('the log', () => {
  test('has one line for each snapshot, with counts', () => {
    reconciler.apply(snapshotOf(1, { a: {}, b: {} }))
    reconciler.apply(snapshotOf(2, { a: { args: ['x'] }, c: {} }))
    expect(log).toMatchObject([
      {
        msg: 'registry applied',
        generation: 1,
        servers: 2,
        added: 2,
        replaced: 0,
        updated: 0,
        removed: 0,
        quarantined: 0,
      },
      {
        msg: 'registry applied',
        generation: 2,
        servers: 2,
        added: 1,
        replaced: 1,
        updated: 0,
        removed: 1,
        quarantined: 0,
      },
    ])
  })

  test('warns of fields without effect when a server is new or changed', () => {
    reconciler.apply(snapshotOf(1, { a: { healthCheck: { path: '/a' } } }))
    reconciler.apply(snapshotOf(2, { a: { healthCheck: { path: '/a' } }, b: {} }))
    reconciler.apply(snapshotOf(3, { a: { healthCheck: { path: '/b' } }, b: {} }))
    const warnings = log.filter((line) => line['msg'] !== 'registry applied')
    expect(warnings).toMatchObject([
      { server: 'acme/a', msg: 'healthCheck.path has no effect on a server with transport stdio' },
      { server: 'acme/a', msg: 'healthCheck.path has no effect on a server with transport stdio' },
    ])
  })

  test('warns of a quarantined document once per reason', () => {
    const document = { id: 'x', name: 'x', tenantId: undefined, reason: 'bad', lastGoodServes: false }
    reconciler.apply(snapshotOf(1, {}, [document]))
    reconciler.apply(snapshotOf(2, { a: {} }, [document]))
    reconciler.apply(snapshotOf(3, { a: {} }, [{ ...document, reason: 'worse' }]))
    expect(log.filter((line) => line['msg'] === 'registry document quarantined')).toMatchObject([
      { id: 'x', reason: 'bad' },
      { id: 'x', reason: 'worse' },
    ])
  })
})
