import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Call } from '../../src/calls/call.ts'
import { Calls } from '../../src/calls/calls.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { server } from '../support/offers.ts'
import { answeredCalls, caller, operation } from '../support/routing.ts'

test('a call begins now, with what is wanted and nothing known of what becomes of it, and gives the result', async () => {
  const clock = new FakeClock()
  await clock.advance(5)
  const seen: Call[] = []
  const result = { content: [], odd: 1 }
  const calls = new Calls({
    clock,
    chain: (call) => {
      seen.push(call)
      return Promise.resolve({ result, route: { server: server(), name: 'echo' } })
    },
  })
  const [who, what] = [caller(), operation()]
  expect(await calls.run(who, what)).toBe(result)
  expect(seen).toEqual([
    {
      caller: who,
      operation: what,
      startedAt: 5,
      info: { route: undefined, decision: undefined, instance: undefined },
    },
  ])
  expect(calls.inFlight).toBe(0)
})

test('draining refuses new calls and waits for those in flight, failed ones too', async () => {
  const open: PromiseWithResolvers<JsonObject>[] = []
  const calls = answeredCalls(() => {
    const answer = Promise.withResolvers<JsonObject>()
    open.push(answer)
    return answer.promise
  })
  const first = calls.run(caller(), operation())
  const second = calls.run(caller(), operation()).catch(() => 'failed')
  expect(calls.inFlight).toBe(2)
  let isDrained = false
  const drained = calls.drain().then(() => (isDrained = true))
  await expect(calls.run(caller(), operation())).rejects.toMatchObject({ code: 'shutting_down' })
  open[0]?.resolve({})
  await first
  expect(isDrained).toBe(false)
  open[1]?.reject(new Error('no'))
  expect(await second).toBe('failed')
  expect(await drained).toBe(true)
})

test('draining is over at once when nothing is in flight', async () => {
  const calls = answeredCalls(() => ({}))
  await expect(calls.drain()).resolves.toBeUndefined()
})

test('it is idle from the end of the last call on, and before the first one for ever', async () => {
  const clock = new FakeClock()
  const open = Promise.withResolvers<{ result: JsonObject }>()
  const calls = new Calls({
    clock,
    chain: async () => ({ ...(await open.promise), route: { server: server(), name: 'echo' } }),
  })
  expect(calls.idleMs).toBe(Number.POSITIVE_INFINITY)
  const call = calls.run(caller(), operation())
  await clock.advance(50)
  expect(calls.idleMs).toBe(0)
  open.resolve({ result: {} })
  await call
  await clock.advance(30)
  expect(calls.idleMs).toBe(30)
})
