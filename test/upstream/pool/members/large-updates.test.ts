import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../../../src/domain/json/json.ts'
import { readyWorld, server } from '../../world.ts'

test('of an update of a resource with more than 16 KiB of parameters, each watcher gets the URI alone', async () => {
  const made = await readyWorld()
  const told: JsonObject[] = []
  await made.upstreams.poolFor(server(), '').watchResource('a://1', (params) => void told.push(params), {
    signal: undefined,
    deadlineAt: made.clock.monotonic() + 1000,
  })
  const { onResourceUpdated } = made.servers.last.events
  onResourceUpdated?.({ uri: 'a://1', more: 'x' })
  onResourceUpdated?.({ uri: 'a://1', more: 'x'.repeat(16 * 1024) })
  onResourceUpdated?.({ uri: `a://1/${'x'.repeat(16 * 1024)}` })
  expect(told).toEqual([{ uri: 'a://1', more: 'x' }, { uri: 'a://1' }])
})
