import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Call } from '../../src/calls/call.ts'
import type { Answer } from '../../src/calls/stage.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { Interruption } from '../../src/calls/interruption.ts'

test('a call that fails before it begins leaves nothing for the shutdown to end', async () => {
  const interruption = new Interruption()
  const call = { info: {} } as unknown as Call
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  try {
    const begin = (): never => {
      throw new Error('at once')
    }
    expect(() => interruption.guard(call, begin)).toThrow('at once')
    interruption.shutDown()
    await setImmediate()
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test('the shutdown ends the calls that are in flight, each once, and none that has its answer', async () => {
  const interruption = new Interruption()
  const begun = ['a', 'b', 'c', 'd'].map((name) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const call = { info: { route: { server: { name } } } } as unknown as Call
    return { name, resolve, reject, ended: interruption.guard(call, () => promise) }
  })
  const outcomes = begun.map(({ ended }) =>
    ended.then(
      ({ result }) => result['text'],
      (error: unknown) => (error instanceof GatewayError ? [error.code, error.facts.server] : 'other'),
    ),
  )
  const [a, b, c, d] = begun
  b?.resolve({ result: { text: 'in time' } } as unknown as Answer)
  d?.reject(new Error('failed'))
  await setImmediate()
  interruption.shutDown()
  a?.resolve({ result: { text: 'late' } } as unknown as Answer)
  c?.reject(new Error('late'))
  interruption.shutDown()
  expect(await Promise.all(outcomes)).toEqual([
    ['shutting_down', 'a'],
    'in time',
    ['shutting_down', 'c'],
    'other',
  ])
})
