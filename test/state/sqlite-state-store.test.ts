import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import { SqliteStateStore } from '../../src/state/sqlite/sqlite-state-store.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { describeStore } from './store-contract.ts'

const opened: StateStore[] = []
let made = 0
const paths = new WeakMap<object, string>()
const root = await temporaryDirectory()

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})
afterAll(async () => {
  await root[Symbol.asyncDispose]()
})

/** Stores make their folder with their first entry, so that it need not be there before. */
function open(clock: FakeClock, dir: string): SqliteStateStore {
  const store = new SqliteStateStore({ dir, clock })
  opened.push(store)
  return store
}

describe('state in SQLite', () => {
  describeStore((clock, shared = {}) => {
    made += 1
    const dir = paths.get(shared) ?? join(root.path, String(made))
    paths.set(shared, dir)
    return open(clock, dir)
  })

  test('is there after a restart', async () => {
    const clock = new FakeClock()
    const dir = join(root.path, 'restart')
    const before = open(clock, dir)
    const version = await before.put('vault', 'k', 'v')
    await before.close()
    expect(await open(clock, dir).get('vault', 'k')).toMatchObject({ value: 'v', version })
  })

  test('is in files that only this user may read', async () => {
    const dir = join(root.path, 'modes')
    const store = open(new FakeClock(), dir)
    await store.put('vault', 'k', 'v')
    const names = await readdir(dir)
    expect(names).toContain('state.db')
    for (const name of names) expect((await stat(join(dir, name))).mode & 0o077).toBe(0)
  })

  test('makes no file before the first entry is asked for', async () => {
    const dir = join(root.path, 'lazy')
    await open(new FakeClock(), dir).close()
    await expect(readdir(dir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('deletes what has expired, so that it is on no disk an hour later', async () => {
    const clock = new FakeClock()
    const dir = join(root.path, 'purge')
    const store = open(clock, dir)
    await store.put('links', 'k', 'v', { expiresAt: clock.now() + 1000 })
    await clock.advance(3_600_000)
    // Comes to the thread after the deletion.
    await store.get('links', 'k')
    const earlier = open(new FakeClock(), dir)
    expect(await earlier.get('links', 'k')).toBeUndefined()
  })

  test('is unavailable where its file is damaged', async () => {
    const dir = join(root.path, 'damaged')
    const store = open(new FakeClock(), dir)
    await store.put('vault', 'k', 'v')
    await store.close()
    await writeFile(join(dir, 'state.db'), 'not a database, and long enough to be read as one'.repeat(100))
    await expect(open(new FakeClock(), dir).get('vault', 'k')).rejects.toMatchObject({
      code: 'state_unavailable',
      facts: { mayHaveExecuted: false },
    })
  })
})
