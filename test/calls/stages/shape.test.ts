import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { shape } from '../../../src/calls/stages/shape.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { catalogOf, OneStage, operation, type OperationFields } from '../../support/routing.ts'

const ECHO = tool('echo', {
  inputSchema: { type: 'object', properties: { a: {}, b: {}, c: {}, d: {} } },
})

interface Options {
  readonly arguments?: JsonObject
  readonly operation?: OperationFields
  readonly result?: JsonObject
}

/** A call of `echo` of a server with this entry for it, and what went on. */
async function run(entry: JsonObject | undefined, options: Options = {}) {
  const alpha = server(entry && { tools: { echo: entry } })
  const given = { name: 'alpha_echo', ...(options.arguments && { arguments: options.arguments }), _meta: {} }
  const through = new OneStage(shape, catalogOf([alpha, offer({ tools: [ECHO] })]))
  const call = through.callOf(
    { server: alpha, name: 'echo' },
    { operation: operation({ params: given, ...options.operation }) },
    () => options.result ?? { content: [] },
  )
  const outcome = await through.pass(call).catch((error: unknown) => error)
  return { outcome, sent: through.sent[0]?.params, given, call }
}

describe('the arguments of a call', () => {
  test('arrive under the own names of the server, with fixed arguments, and with defaults for missing ones', async () => {
    const entry = { fixed: { a: [1] }, defaults: { b: 2, c: 3 }, arguments: { a: 'd', sea: 'c' } }
    const { sent, given } = await run(entry, { arguments: { a: 'mine', sea: null, other: 5 } })
    expect(sent).toEqual({ ...given, arguments: { a: [1], b: 2, c: null, d: 'mine', other: 5 } })
    expect((await run(entry)).sent).toMatchObject({ arguments: { a: [1], b: 2, c: 3 } })
  })

  test('cannot be given where they are fixed, or under a name that callers do not know', async () => {
    const entry = { fixed: { a: 1, odd: 2 }, arguments: { x: 'b' } }
    const { outcome, sent } = await run(entry, { arguments: { a: 5, b: 6, odd: 7, x: 8 } })
    expect(outcome).toMatchObject({
      code: 'invalid_arguments',
      facts: {
        server: 'alpha',
        mayHaveExecuted: false,
        problems: ['arguments.a', 'arguments.b', 'arguments.odd'].map(
          (place) => `${place} cannot be set by callers`,
        ),
      },
    })
    expect(sent).toBeUndefined()
  })

  test('are the caller’s own again for later stages, also after a failure', async () => {
    const done = await run({ fixed: { a: 1 } }, { arguments: { b: 1 } })
    expect(done.call.params).toBe(done.given)
    const refused = await run({ fixed: { a: 1 } }, { arguments: { a: 1 } })
    expect(refused.call.params).toBe(refused.given)
  })

  test('keep members with names of the prototype', async () => {
    const odd = JSON.parse('{"__proto__":{"a":1},"constructor":2}') as JsonObject
    const { sent } = await run({ fixed: { a: 1 } }, { arguments: odd })
    expect(JSON.stringify(sent?.['arguments'])).toBe('{"__proto__":{"a":1},"constructor":2,"a":1}')
  })

  test('stay as they are where nothing is wanted of them', async () => {
    for (const entry of [undefined, {}, { title: 'Echo' }, { requiredRoles: ['reader'] }]) {
      const { sent, given } = await run(entry, { arguments: { a: 1 } })
      expect(sent).toBe(given)
    }
    expect((await run({ maxResultBytes: 1000 })).sent).not.toHaveProperty('arguments')
  })

  test('do not exist for anything but tool calls', async () => {
    const entry = { fixed: { a: 1 } }
    const task = await run(entry, { operation: { method: 'tasks/get', params: { taskId: 't' } } })
    expect(task.sent).toEqual({ taskId: 't' })
    const prompt = await run(entry, {
      arguments: { a: 1 },
      operation: { kind: 'prompt', method: 'prompts/get' },
    })
    expect(prompt.sent).toBe(prompt.given)
  })
})

describe('a result', () => {
  const resultOf = (bytes: number): JsonObject => ({ content: 'é'.repeat((bytes - 14) / 2) })

  test('of the size that a tool may answer passes, and a larger one does not', async () => {
    const fits = await run({ maxResultBytes: 100 }, { result: resultOf(100) })
    expect(fits.outcome).toEqual(resultOf(100))
    const { outcome } = await run({ maxResultBytes: 100 }, { result: resultOf(102) })
    expect(outcome).toMatchObject({
      code: 'response_too_large',
      message: 'The result is larger than 100 bytes, the limit of this tool',
      facts: { server: 'alpha', mayHaveExecuted: true },
    })
  })

  test('that a task comes to is no different', async () => {
    const { outcome } = await run(
      { maxResultBytes: 100 },
      { result: resultOf(102), operation: { method: 'tasks/result', params: { taskId: 't' } } },
    )
    expect(outcome).toMatchObject({ code: 'response_too_large' })
  })
})
