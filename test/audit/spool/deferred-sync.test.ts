import { expect, test } from '@jest/globals'
import { DeferredSync } from '../../../src/audit/spool/deferred-sync.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger } from '../../support/silent-logger.ts'

function deferred(sync: () => Promise<void>): { it: DeferredSync; clock: FakeClock } {
  const clock = new FakeClock()
  return { it: new DeferredSync({ sync, clock, logger: silentLogger }), clock }
}

test('what is written within 50 ms is synced together, once', async () => {
  let synced = 0
  const { it, clock } = deferred(() => Promise.resolve(void (synced += 1)))
  it.soon()
  await clock.advance(49)
  it.soon()
  expect(synced).toBe(0)
  await clock.advance(1)
  expect([synced, clock.pending]).toEqual([1, 0])
  it.soon()
  await clock.advance(50)
  expect(synced).toBe(2)
})

test('a disk that is slow is asked for one thing at a time', async () => {
  const asked: (() => void)[] = []
  const { it, clock } = deferred(() => new Promise((resolve) => asked.push(resolve)))
  for (let round = 0; round < 3; round += 1) {
    it.soon()
    await clock.advance(50)
  }
  expect(asked).toHaveLength(1)
  asked[0]?.()
  await clock.advance(0)
  expect(asked).toHaveLength(2)
})

test('a sync that fails does not keep the next from being tried', async () => {
  let tried = 0
  const { it, clock } = deferred(() => {
    tried += 1
    return Promise.reject(new Error('disk'))
  })
  it.soon()
  await clock.advance(50)
  it.soon()
  await clock.advance(50)
  expect(tried).toBe(2)
})

test('closing syncs what waits, once, and nothing after it', async () => {
  let synced = 0
  const { it, clock } = deferred(() => Promise.resolve(void (synced += 1)))
  it.soon()
  await Promise.all([it.close(), it.close()])
  it.soon()
  await clock.advance(1000)
  expect([synced, clock.pending]).toEqual([1, 0])
})
