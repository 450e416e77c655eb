import { expect, test } from '@jest/globals'
import { whenTokenEnds } from '../../src/identity/token-end.ts'
import { senderIn } from '../../src/mcp/conversation.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { principal } from '../support/offers.ts'

test('a message that no identity was attached to has no caller', () => {
  const forged = { token: '', clientId: 'x', scopes: [], extra: { carried: { identity: {} } } }
  for (const auth of [undefined, { token: '', clientId: 'x', scopes: [] }, forged]) {
    expect(() => senderIn(auth)).toThrow(expect.objectContaining({ code: 'missing_token' }))
  }
})

test('what lasts as long as a token ends with it, unless it is called off', async () => {
  const clock = new FakeClock()
  const ended: string[] = []
  whenTokenEnds(clock, principal({ expiresAtMs: clock.now() + 1000 }), () => ended.push('a'))
  whenTokenEnds(clock, principal({ expiresAtMs: clock.now() + 1000 }), () => ended.push('b'))()
  whenTokenEnds(clock, principal({ expiresAtMs: clock.now() - 1 }), () => ended.push('past'))
  whenTokenEnds(clock, principal(), () => ended.push('never'))
  await clock.advance(999)
  expect(ended).toEqual(['past'])
  await clock.advance(1)
  expect(ended).toEqual(['past', 'a'])
})
