import { beforeEach, expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { SessionChange } from '../../../src/mcp/session/legacy-session.ts'
import { NotedChanges } from '../../../src/mcp/session/noted-changes.ts'
import { type NoteStore, SessionNotes } from '../../../src/mcp/session/session-notes.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import type { StateEntry } from '../../../src/state/state-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'

/** A store in memory, which another replica writes to between two steps. */
class Store implements NoteStore {
  isDown = false
  readonly entries = new Map<string, StateEntry>()
  beforePut: (() => void) | undefined
  #version = 0

  get(collection: string, key: string): Promise<StateEntry | undefined> {
    const entry = this.entries.get(`${collection}/${key}`)
    return this.isDown ? Promise.reject(new Error('down')) : Promise.resolve(entry)
  }

  delete(collection: string, key: string): Promise<boolean> {
    return Promise.resolve(this.entries.delete(`${collection}/${key}`))
  }

  put(...[collection, key, value, options]: Parameters<NoteStore['put']>): Promise<string | undefined> {
    if (this.isDown) return Promise.reject(new Error('down'))
    this.beforePut?.()
    const id = `${collection}/${key}`
    const before = this.entries.get(id)?.version ?? null
    if (options?.expected !== undefined && options.expected !== before) return Promise.resolve(undefined)
    const version = String((this.#version += 1))
    this.entries.set(id, { key, value, version, expiresAt: options?.expiresAt })
    return Promise.resolve(version)
  }
}

const UNTIL = 1e15
const ADA: Principal = {
  expiresAtMs: UNTIL,
  tenantId: 'acme',
  issuer: 'x',
  subject: 'ada',
  agent: undefined,
  roles: [],
  scopes: [],
}
const session = (id: string, principal = ADA) => ({ id, until: UNTIL, principal })

let store: Store
let notes: SessionNotes
let others: SessionNotes

let clock: FakeClock

beforeEach(() => {
  clock = new FakeClock()
  store = new Store()
  notes = new SessionNotes({ store, clock, logger, maxSessionsPerPrincipal: 2 })
  others = new SessionNotes({ store, clock, logger, maxSessionsPerPrincipal: 2 })
})

test('the end of a session that the store does not take is noted and told when it answers again', async () => {
  let told = 0
  store.isDown = true
  await notes.end('a', UNTIL, { onLate: () => (told += 1) })
  await clock.advance(10_000)
  expect([await others.of('a'), told]).toEqual([{}, 0])
  store.isDown = false
  await clock.advance(10_000)
  expect([await others.of('a'), told]).toEqual([{ isEnded: true }, 1])
})

test('the end of a session is tried again only for as long as the id of the session would be good', async () => {
  let told = 0
  store.isDown = true
  await notes.end('a', clock.now() + 25_000, { onLate: () => (told += 1) })
  await notes.end('b', UNTIL, { isByClient: true, onLate: () => (told += 1) })
  expect(clock.pending).toBe(2)
  await clock.advance(30_000)
  expect(clock.pending).toBe(1)
  await clock.advance(900_000)
  expect(clock.pending).toBe(0)
  store.isDown = false
  await clock.advance(900_000)
  expect([store.entries.size, told]).toEqual([0, 0])
})

test('what one replica notes the others read, and nothing of it is lost when two write at once', async () => {
  store.beforePut = () => {
    store.beforePut = undefined
    void others.change(session('a'), (note) => ({ ...note, level: 'debug' }))
  }
  await notes.change(session('a'), (note) => ({ ...note, stream: '7' }))
  expect(await others.of('a')).toEqual({ level: 'debug', stream: '7' })
})

test('a session that has ended stays so', async () => {
  await notes.end('a', UNTIL)
  expect(await others.change(session('a'), (note) => ({ ...note, level: 'debug' }))).toEqual({
    isEnded: true,
  })
  expect(await others.of('a')).toEqual({ isEnded: true })
})

test('a store that does not answer ends no session but those that ended here', async () => {
  store.isDown = true
  await notes.end('a', UNTIL)
  expect([await notes.of('a'), await notes.of('b'), await others.of('a')]).toEqual([
    { isEnded: true },
    {},
    {},
  ])
  expect(await notes.change(session('b'), () => ({ level: 'debug' }))).toBeUndefined()
})

test('what cannot be read or changed is logged once a minute, without a stack', async () => {
  const lines: string[] = []
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) })
  const failing = new SessionNotes({ store, clock, logger: log, maxSessionsPerPrincipal: 2 })
  store.isDown = true
  for (const id of ['a', 'b', 'c']) await failing.of(id)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ reason: 'down', sessionId: 'a', msg: 'the notes on a session cannot be read' }),
  ])
  expect(lines[0]).not.toContain('stack')
  await clock.advance(60_000)
  await failing.change(session('b'), () => ({ level: 'debug' }))
  expect(lines).toHaveLength(2)
})

test('what a session changes during a write is written once after it, as it was last', async () => {
  const written: SessionChange[] = []
  const first = Promise.withResolvers<void>()
  const changes = new NotedChanges((change) => {
    written.push(change)
    return written.length === 1 ? first.promise : Promise.resolve()
  })
  const done = changes.add({ level: 'info' })
  for (const level of ['debug', 'error', 'warning']) void changes.add({ level })
  void changes.add({ subscriptions: ['x://a'] })
  first.resolve()
  await done
  expect(written).toEqual([{ level: 'info' }, { level: 'warning', subscriptions: ['x://a'] }])
})

test('that its own client has ended a session is noted for 15 minutes, that others have, for as long as its id is good', async () => {
  await notes.end('a', UNTIL, { isByClient: true })
  await notes.end('b', UNTIL)
  await notes.end('c', clock.now() + 5, { isByClient: true })
  expect([...store.entries].map(([key, { expiresAt = 0 }]) => [key, expiresAt - clock.now()])).toEqual([
    ['session-notes/a', 900_000],
    ['session-notes/b', UNTIL - clock.now()],
    ['session-notes/c', 5],
  ])
  expect(await others.of('a')).toEqual({ isEnded: true })
})

test('of one principal the notes on 200 sessions stay, the latest; those of others, and that a session was ended, stay', async () => {
  const debug = (note: object): object => ({ ...note, level: 'debug' })
  await notes.change(session('of-bob', { ...ADA, subject: 'bob' }), debug)
  await notes.change(session('ended'), debug)
  await notes.end('ended', UNTIL)
  for (let index = 0; index < 202; index += 1) await notes.change(session(`s${index}`), debug)
  await Promise.all([others.change(session('s202'), debug), others.change(session('s203'), debug)])
  await others.change(session('s203'), (note) => ({ ...note, level: 'info' }))
  const keys = [...store.entries.keys()].filter((key) => key.startsWith('session-notes/'))
  expect(keys).toHaveLength(202)
  expect(keys.slice(0, 3)).toEqual(['session-notes/of-bob', 'session-notes/ended', 'session-notes/s4'])
  expect([await others.of('ended'), await others.of('s203')]).toEqual([{ isEnded: true }, { level: 'info' }])
})
