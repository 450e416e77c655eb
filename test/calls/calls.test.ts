import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Stage } from '../../src/calls/call.ts'
import { Calls } from '../../src/calls/calls.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { caller, operation } from '../support/routing.ts'

function callsOf(...stages: Stage[]): Calls {
  return new Calls({ stages, clock: new FakeClock() })
}

test('the stages run in order, each around the next, on one call', async () => {
  const steps: string[] = []
  const outer: Stage = async (call, next) => {
    steps.push('in')
    call.timeoutMs = 5
    const result = await next()
    steps.push('out')
    return result
  }
  const inner: Stage = (call) => Promise.resolve({ timeoutMs: call.timeoutMs, startedAt: call.startedAt })
  expect(await callsOf(outer, inner).run(caller(), operation())).toEqual({ timeoutMs: 5, startedAt: 0 })
  expect(steps).toEqual(['in', 'out'])
})

test('a last stage that asks for another is a defect', async () => {
  const calls = callsOf((_call, next) => next())
  await expect(calls.run(caller(), operation())).rejects.toThrow('the last stage must not call next()')
  expect(calls.inFlight).toBe(0)
})

test('draining refuses new calls and waits for those in flight, failed ones too', async () => {
  const open: PromiseWithResolvers<JsonObject>[] = []
  const calls = callsOf(() => {
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
  const calls = callsOf(() => Promise.resolve({}))
  await expect(calls.drain()).resolves.toBeUndefined()
})
