import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../../../src/domain/json/json.ts'
import { readyWorld, server, type World } from '../../world.ts'

/** Has so many watchers watch a resource; what they are told is collected. */
async function watched(made: World, uri: string, watchers: number): Promise<JsonObject[]> {
  const told: JsonObject[] = []
  const options = { signal: undefined, deadlineAt: made.clock.monotonic() + 1000 }
  const pool = made.upstreams.poolFor(server(), '')
  for (let watcher = 0; watcher < watchers; watcher += 1)
    await pool.watchResource(uri, (params) => void told.push(params), {
      ...options,
      owner: { tenant: 'acme', principal: 'm' },
    })
  return told
}

test('of the watchers of an update twenty are told in a turn of the event loop', async () => {
  const made = await readyWorld()
  const told = await watched(made, 'a://1', 50)
  await setImmediate()
  made.servers.last.events.onResourceUpdated?.({ uri: 'a://1' })
  const counts = [told.length]
  while (counts.length < 3) {
    await setImmediate()
    counts.push(told.length)
  }
  expect(counts).toEqual([20, 40, 50])
})

test('what a server says of a resource while its watchers are told is one update, of parts one of the whole', async () => {
  const made = await readyWorld()
  const told = await watched(made, 'a://1', 21)
  await setImmediate()
  const { onResourceUpdated } = made.servers.last.events
  for (let part = 0; part < 1000; part += 1)
    onResourceUpdated?.({ uri: `a://1/${part}`, x: 'x'.repeat(16_000) })
  await setImmediate()
  await setImmediate()
  await setImmediate()
  expect(told).toHaveLength(42)
  expect(told.slice(0, 21).map(({ uri }) => uri)).toEqual(Array.from({ length: 21 }, () => 'a://1/0'))
  expect(told.slice(21)).toEqual(Array.from({ length: 21 }, () => ({ uri: 'a://1' })))
})

test('whoever stops watching while others are told is told no more', async () => {
  const made = await readyWorld()
  await watched(made, 'a://1', 20)
  const told: JsonObject[] = []
  const options = { signal: undefined, deadlineAt: made.clock.monotonic() + 1000 }
  const pool = made.upstreams.poolFor(server(), '')
  const release = await pool.watchResource('a://1', (params) => void told.push(params), options)
  await setImmediate()
  made.servers.last.events.onResourceUpdated?.({ uri: 'a://1' })
  release()
  await setImmediate()
  await setImmediate()
  expect(told).toEqual([])
})
