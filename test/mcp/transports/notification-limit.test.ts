import { expect, test } from '@jest/globals'
import { NotificationLimit } from '../../../src/mcp/transports/notification-limit.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const of = (method: string) => ({ jsonrpc: '2.0', method }) as const

test('a client may send 500 notifications at once and 50 a second, and may cancel at any time', async () => {
  const clock = new FakeClock()
  const limit = new NotificationLimit({ clock })
  const progress = of('notifications/progress')
  for (let count = 0; count < 500; count += 1) limit.take(progress)
  const refusal = expect.objectContaining({ code: 'rate_limited', facts: { retryAfterMs: 1000 } })
  expect(() => limit.take(progress)).toThrow(refusal)
  limit.take(of('notifications/cancelled'))
  await clock.advance(1000)
  for (let count = 0; count < 50; count += 1) limit.take(progress)
  expect(() => limit.take(progress)).toThrow(refusal)
})
