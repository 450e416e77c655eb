import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { RoutedCall } from '../../../src/calls/stage.ts'
import type { OperatorStage, StageCall } from '../../../src/calls/operator/operator-stage.ts'
import { ownStage } from '../../../src/calls/operator/own-stage.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../../support/offers.ts'
import { caller, OneStage, operation } from '../../support/routing.ts'

const RESULT: JsonObject = { content: [{ type: 'text', text: 'secret' }] }

function begin(
  stage: OperatorStage,
  next: (call: RoutedCall) => Promise<JsonObject> = () => Promise.resolve(RESULT),
) {
  const clock = new FakeClock()
  const own = ownStage(stage, { module: 'stages/mine.ts', clock })
  const through = new OneStage(() => own)
  const call = through.callOf(
    { server: server(), name: 'echo' },
    { caller: caller({ roles: ['reader'], agent: 'planner' }), timeoutMs: 1000 },
    next,
  )
  const outcome = through.pass(call).catch((error: unknown) => error)
  return { clock, call, outcome, sent: through.sent }
}

const internal = (reason: string, mayHaveExecuted: boolean): object => ({
  code: 'internal',
  message: 'An internal error occurred in the gateway',
  facts: { server: 'alpha', mayHaveExecuted },
  cause: { message: 'the stage stages/mine.ts failed', cause: { message: reason } },
})

test('a stage sees its call, and nothing else', async () => {
  let seen: StageCall | undefined
  await begin((its, next) => {
    seen = its
    return next()
  }).outcome
  expect({ ...seen }).toEqual({
    tenantId: 'acme',
    subject: 'ann',
    agent: 'planner',
    roles: ['reader'],
    face: 'rest',
    requestId: 'r-1',
    method: 'tools/call',
    server: 'alpha',
    target: 'echo',
    params: { name: 'alpha_echo', arguments: { a: 1 } },
    signal: expect.any(AbortSignal),
  })
})

test('what a stage passes on is sent, and what it returns is the result', async () => {
  const it = begin(
    async (its, next) => {
      const result = await next({ ...its.params, arguments: { a: 1, region: 'eu' } })
      return { ...result, _meta: { seen: true } }
    },
    ({ params }) => Promise.resolve({ sent: params['arguments'] }),
  )
  expect(await it.outcome).toEqual({ sent: { a: 1, region: 'eu' }, _meta: { seen: true } })
})

test('a stage that is not concerned changes nothing', async () => {
  const it = begin((_its, next) => next())
  expect(await it.outcome).toBe(RESULT)
  expect(it.sent).toEqual([it.call])
  expect(it.sent[0]).toBe(it.call)
})

test('a stage may answer by itself', async () => {
  const it = begin(() => Promise.resolve({ content: [] }))
  expect(await it.outcome).toEqual({ content: [] })
  expect(it.sent).toEqual([])
})

test('what a stage does to the parameters that it sees changes nothing of what is sent or recorded', async () => {
  const it = begin((its, next) => {
    Object.assign(its.params, { name: 'other', arguments: {} })
    return next()
  })
  await it.outcome
  expect(it.sent.map(({ params }) => params)).toEqual([{ name: 'alpha_echo', arguments: { a: 1 } }])
  expect(it.call.operation.params).toEqual(operation().params)
})

test('errors of the call pass through, and a stage can refuse with the error it was given for that', async () => {
  const error = new GatewayError('upstream_timeout')
  expect(
    await begin(
      (_its, next) => next(),
      () => Promise.reject(error),
    ).outcome,
  ).toBe(error)
  const refusal = new GatewayError('forbidden', 'not today')
  expect(await begin(() => Promise.reject(refusal)).outcome).toBe(refusal)
})

describe('a defect of a stage is one of the gateway, whose cause only the log tells', () => {
  test('before anything was sent', async () => {
    const it = begin(() => Promise.reject(new Error('oh no')))
    expect(await it.outcome).toMatchObject(internal('oh no', false))
  })

  test('also one that is thrown at once', async () => {
    const it = begin(() => {
      throw new Error('oh no')
    })
    expect(await it.outcome).toMatchObject(internal('oh no', false))
  })

  test('after the call', async () => {
    const it = begin(async (_its, next) => {
      await next()
      throw new Error('oh no')
    })
    expect(await it.outcome).toMatchObject(internal('oh no', true))
  })

  test('an invalid result', async () => {
    const it = begin((() => Promise.resolve('text')) as unknown as OperatorStage)
    expect(await it.outcome).toMatchObject(internal('the stage must return an object', false))
  })

  test('invalid parameters', async () => {
    const it = begin((_its, next) => next('text' as unknown as JsonObject))
    expect(await it.outcome).toMatchObject(internal('the parameters must be an object', false))
  })

  test('sending twice', async () => {
    const it = begin(async (_its, next) => {
      await next()
      return next()
    })
    expect(await it.outcome).toMatchObject(
      internal('next() was called more than once, or after the stage had ended', true),
    )
    expect(it.sent).toHaveLength(1)
  })
})

describe('a stage that takes longer, by itself, than the call may', () => {
  const never = (): Promise<never> => Promise.withResolvers<never>().promise

  test('fails the call before it was sent', async () => {
    const it = begin(never)
    await it.clock.advance(1000)
    expect(await it.outcome).toMatchObject(internal('it exceeded the timeout of the call', false))
  })

  test('fails the call after it was sent', async () => {
    const it = begin(async (_its, next) => {
      await next()
      return never()
    })
    await it.clock.advance(1000)
    expect(await it.outcome).toMatchObject(internal('it exceeded the timeout of the call', true))
  })

  test('is not one whose call takes long', async () => {
    const answer = Promise.withResolvers<JsonObject>()
    const it = begin(
      (_its, next) => next(),
      () => answer.promise,
    )
    await it.clock.advance(100_000)
    answer.resolve(RESULT)
    expect(await it.outcome).toBe(RESULT)
    expect(it.clock.pending).toBe(0)
  })
})

test('a stage that does not wait for the call leaves nothing behind', async () => {
  const answer = Promise.withResolvers<JsonObject>()
  const it = begin(
    (_its, next) => {
      void next()
      return Promise.resolve({ content: [] })
    },
    () => answer.promise,
  )
  expect(await it.outcome).toEqual({ content: [] })
  answer.reject(new GatewayError('upstream_timeout'))
  await it.clock.advance(1)
  expect(it.clock.pending).toBe(0)
})
