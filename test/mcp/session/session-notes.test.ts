import { beforeEach, expect, test } from '@jest/globals'
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
