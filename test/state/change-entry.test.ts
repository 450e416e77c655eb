import { expect, test } from '@jest/globals'
import { changeEntry, untilWritten } from '../../src/state/change-entry.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { memoryState } from '../support/memory-state.ts'

const ENTRY = { collection: 'counts', key: 'one' }

test('of writers at the same time none overwrites what another one has written', async () => {
  const store = memoryState(new FakeClock())
  const add = (): Promise<number> =>
    changeEntry(store, ENTRY, (entry) => {
      const result = Number(entry?.value ?? 0) + 1
      return { result, write: { value: String(result) } }
    })
  expect(new Set(await Promise.all([add(), add(), add(), add()]))).toEqual(new Set([1, 2, 3, 4]))
  expect((await store.get('counts', 'one'))?.value).toBe('4')
})

test('an entry that nothing is written for stays as it is', async () => {
  const store = memoryState(new FakeClock())
  const version = await store.put('counts', 'one', '7')
  expect(await changeEntry(store, ENTRY, (entry) => ({ result: entry?.value }))).toBe('7')
  expect((await store.get('counts', 'one'))?.version).toBe(version)
})

test('whoever meets others each time gives up', async () => {
  let tries = 0
  const attempt = (): Promise<undefined> => {
    tries += 1
    return Promise.resolve(undefined)
  }
  await expect(untilWritten(attempt, { attempts: 3, contended: 'too many' })).rejects.toMatchObject({
    code: 'state_unavailable',
    message: 'too many',
  })
  expect(tries).toBe(3)
})
