import { describe, expect, test } from '@jest/globals'
import type { ErrorCode } from '../../../src/domain/errors/error-table.ts'
import { type ErrorFacts, GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { RoutedCall } from '../../../src/calls/stage.ts'
import { retry } from '../../../src/calls/stages/retry.ts'
import { RetryBudget } from '../../../src/calls/limits/retry-budget.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { catalogOf, OneStage, operation, type OperationFields } from '../../support/routing.ts'

const NOT_SENT: ErrorFacts = { server: 'alpha', mayHaveExecuted: false }
const MAY_HAVE_RUN: ErrorFacts = { server: 'alpha', mayHaveExecuted: true }

const failure = (code: ErrorCode, facts: ErrorFacts): GatewayError =>
  new GatewayError(code, undefined, { facts })
const notSent = (facts: ErrorFacts = {}): GatewayError =>
  failure('upstream_unavailable', { ...NOT_SENT, ...facts })
const lost = (): GatewayError => failure('upstream_unavailable', MAY_HAVE_RUN)

interface Options {
  readonly random?: number
  readonly document?: Record<string, unknown>
  readonly annotations?: JsonObject
  readonly operation?: OperationFields
  readonly call?: Partial<RoutedCall>
  readonly budget?: RetryBudget
}

/** A call whose attempts come to these outcomes, one after the other, each a result or an error. */
function begin(outcomes: readonly (JsonObject | GatewayError)[], options: Options = {}) {
  const clock = new FakeClock()
  const attempts: number[] = []
  const counted: string[] = []
  const definition = server(options.document)
  const { annotations } = options
  const tools = [tool('echo', annotations && { annotations })]
  const stage = retry({
    clock,
    random: () => options.random ?? 0.5,
    budget: options.budget ?? new RetryBudget(),
    metrics: { retry: (name, outcome) => counted.push(`${name} ${outcome}`) },
  })
  const through = new OneStage(stage, catalogOf([definition, offer({ tools })]))
  const outcome = through
    .run(
      { server: definition, name: 'echo' },
      { timeoutMs: 60_000, operation: operation(options.operation), ...options.call },
      () => {
        const what = outcomes[attempts.length]
        attempts.push(clock.monotonic())
        return what instanceof Error || what === undefined ? Promise.reject(what) : what
      },
    )
    .catch((error: unknown) => error)
  return { clock, attempts, counted, outcome }
}

/** The times of all attempts, and what the call came to. */
async function run(outcomes: readonly (JsonObject | GatewayError)[], options: Options = {}) {
  const begun = begin(outcomes, options)
  await begun.clock.advance(100_000)
  return { ...begun, outcome: await begun.outcome }
}

describe('a call that has surely not run', () => {
  test('is sent again, after a random part of a time that doubles', async () => {
    const { attempts, outcome, counted } = await run([notSent(), notSent(), { content: [] }])
    expect(attempts).toEqual([0, 50, 150])
    expect(outcome).toEqual({ content: [] })
    expect(counted).toEqual(['alpha repeated', 'alpha repeated'])
  })

  test.each([
    [0, [0, 0, 0]],
    [0.999, [0, 99.9, 299.7]],
  ])('waits between nothing and the whole time (%d)', async (random, times) => {
    const { attempts } = await run([notSent(), notSent(), {}], { random })
    expect(attempts.map((time) => Math.round(time * 10) / 10)).toEqual(times)
  })

  test('waits no longer than maxDelayMs', async () => {
    const retrying = { maxAttempts: 4, baseDelayMs: 1000, maxDelayMs: 1500 }
    const { attempts } = await run([notSent(), notSent(), notSent(), {}], {
      random: 0.999,
      document: { retry: retrying },
    })
    expect(attempts.map(Math.round)).toEqual([0, 999, 2498, 3996])
  })

  test('is sent as often as maxAttempts says, and fails with the last error', async () => {
    const last = notSent()
    const { attempts, outcome } = await run([notSent(), notSent(), last, {}])
    expect(attempts).toHaveLength(3)
    expect(outcome).toBe(last)
  })

  test('is sent once where maxAttempts is 1', async () => {
    const { attempts } = await run([notSent(), {}], { document: { retry: { maxAttempts: 1 } } })
    expect(attempts).toHaveLength(1)
  })

  test('is not sent before the time that the server asks for', async () => {
    const { attempts } = await run([notSent({ retryAfterMs: 1200 }), {}])
    expect(attempts).toEqual([0, 1250])
  })

  test('is given up at once where the server asks for more time than maxDelayMs', async () => {
    const { attempts } = await run([notSent({ retryAfterMs: 2001 }), {}])
    expect(attempts).toHaveLength(1)
  })

  test('is given up at once where the wait would outlast the deadline', async () => {
    const short = await run([notSent({ retryAfterMs: 800 }), {}], { call: { timeoutMs: 850 } })
    expect(short.attempts).toHaveLength(1)
    const asked = await run([notSent({ retryAfterMs: 800 }), {}], { call: { timeoutMs: 850, askedMs: 1 } })
    expect(asked.attempts).toHaveLength(2)
  })

  test('is not sent again once its caller has gone', async () => {
    const abort = new AbortController()
    const begun = begin([notSent(), {}], { operation: { signal: abort.signal } })
    await begun.clock.advance(10)
    abort.abort()
    expect(await begun.outcome).toMatchObject({ code: 'cancelled', facts: NOT_SENT })
    expect(begun.attempts).toHaveLength(1)
    expect(begun.clock.pending).toBe(0)
  })
})

describe('a call that may have run', () => {
  test('is never sent again', async () => {
    const { attempts, outcome, counted } = await run([lost(), {}])
    expect(attempts).toHaveLength(1)
    expect(outcome).toMatchObject({ code: 'upstream_unavailable', facts: MAY_HAVE_RUN })
    expect(counted).toEqual([])
  })

  test('is not sent again if it is unknown whether it ran', async () => {
    expect((await run([failure('upstream_unavailable', {}), {}])).attempts).toHaveLength(1)
  })

  test.each<[string, Options, number]>([
    ['the server says that this does no harm', { annotations: { idempotentHint: true } }, 2],
    ['the tool only reads', { annotations: { readOnlyHint: true } }, 2],
    ['the server says that it does harm', { annotations: { idempotentHint: false } }, 1],
    ['the operator says that it does none', { document: { tools: { echo: { idempotent: true } } } }, 2],
    [
      'the operator says that it does harm, whatever the server says',
      { document: { tools: { echo: { idempotent: false } } }, annotations: { idempotentHint: true } },
      1,
    ],
    [
      "the tool's own entry counts before a pattern's",
      { document: { tools: { echo: { idempotent: true }, '*': { idempotent: false } } } },
      2,
    ],
    ['it reads a resource', { operation: { kind: 'resource', method: 'resources/read' } }, 2],
    ['it gets a prompt', { operation: { kind: 'prompt', method: 'prompts/get' } }, 2],
    [
      'it cancels a task',
      { operation: { method: 'tasks/cancel' }, annotations: { idempotentHint: true } },
      1,
    ],
  ])('%s', async (_what, options, sent) => {
    expect((await run([lost(), {}], options)).attempts).toHaveLength(sent)
  })

  test('fails as one that may have run, even if its last attempt has not', async () => {
    const { outcome } = await run([lost(), notSent(), notSent()], { annotations: { idempotentHint: true } })
    expect(outcome).toMatchObject({ code: 'upstream_unavailable', facts: MAY_HAVE_RUN })
  })
})

test.each<ErrorCode>([
  'upstream_busy',
  'circuit_open',
  'upstream_error',
  'upstream_bad_response',
  'response_too_large',
  'invalid_arguments',
  'cancelled',
  'internal',
])('%s is not helped by another attempt', async (code) => {
  const options = { annotations: { idempotentHint: true } }
  expect((await run([failure(code, NOT_SENT), {}], options)).attempts).toHaveLength(1)
})

test('once the budget of a server is spent its calls are sent once', async () => {
  const budget = new RetryBudget()
  const failing = [notSent(), notSent(), notSent()]
  const attempts: number[] = []
  for (let index = 0; index < 8; index += 1) attempts.push((await run(failing, { budget })).attempts.length)
  expect(attempts).toEqual([3, 3, 3, 3, 3, 2, 1, 1])
  expect((await run(failing, { budget })).counted).toEqual(['alpha no_budget'])
})
