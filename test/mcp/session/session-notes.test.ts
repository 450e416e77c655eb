import { beforeEach, expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { SessionChange } from '../../../src/mcp/session/legacy-session.ts'
import { NotedChanges } from '../../../src/mcp/session/noted-changes.ts'
import { type NoteStore, SessionNotes } from '../../../src/mcp/session/session-notes.ts'
import type { StateEntry } from '../../../src/state/state-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'

/** A store in memory, which another replica writes to between two steps. */
class Store implements NoteStore {
  isDown = false
  readonly entries = new Map<string, StateEntry>()
  beforePut: (() => void) | undefined
  #version = 0

  get(_collection: string, key: string): Promise<StateEntry | undefined> {
    return this.isDown ? Promise.reject(new Error('down')) : Promise.resolve(this.entries.get(key))
  }

  put(...[, key, value, options]: Parameters<NoteStore['put']>): Promise<string | undefined> {
    if (this.isDown) return Promise.reject(new Error('down'))
    this.beforePut?.()
    const before = this.entries.get(key)?.version ?? null
    if (options?.expected !== undefined && options.expected !== before) return Promise.resolve(undefined)
    const version = String((this.#version += 1))
    this.entries.set(key, { key, value, version, expiresAt: options?.expiresAt })
    return Promise.resolve(version)
  }
}

const UNTIL = 1e15

let store: Store
let notes: SessionNotes
let others: SessionNotes

beforeEach(() => {
  const clock = new FakeClock()
  store = new Store()
  notes = new SessionNotes({ store, clock, logger })
  others = new SessionNotes({ store, clock, logger })
})

test('what one replica notes the others read, and nothing of it is lost when two write at once', async () => {
  store.beforePut = () => {
    store.beforePut = undefined
    void others.change('a', UNTIL, (note) => ({ ...note, level: 'debug' }))
  }
  await notes.change('a', UNTIL, (note) => ({ ...note, stream: '7' }))
  expect(await others.of('a')).toEqual({ level: 'debug', stream: '7' })
})

test('a session that has ended stays so', async () => {
  await notes.end('a', UNTIL)
  expect(await others.change('a', UNTIL, (note) => ({ ...note, level: 'debug' }))).toEqual({ isEnded: true })
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
  expect(await notes.change('b', UNTIL, () => ({ level: 'debug' }))).toBeUndefined()
})

test('what cannot be read or changed is logged once a minute, without a stack', async () => {
  const lines: string[] = []
  const clock = new FakeClock()
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) })
  const failing = new SessionNotes({ store, clock, logger: log })
  store.isDown = true
  for (const id of ['a', 'b', 'c']) await failing.of(id)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ reason: 'down', sessionId: 'a', msg: 'the notes on a session cannot be read' }),
  ])
  expect(lines[0]).not.toContain('stack')
  await clock.advance(60_000)
  await failing.change('b', UNTIL, () => ({ level: 'debug' }))
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
