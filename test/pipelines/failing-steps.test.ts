import { beforeEach, describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { type Answer, down, hang, READ, RunWorld, text } from './run-world.ts'

let world: RunWorld
let calls: RunWorld['calls']
let clock: RunWorld['clock']

beforeEach(() => {
  world = new RunWorld()
  calls = world.calls
  clock = world.clock
})

describe('a step that fails', () => {
  test('ends the run with its own error and its name', async () => {
    await expect(
      world.run([{ id: 'a', tool: 'x_y' }, READ, { id: 'c', tool: 'x_y' }], {
        answer: (call) => (call.step === 'read' ? down(call) : text('')),
      }),
    ).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'Step read: Server files is down',
      facts: { step: 'read', server: 'files', mayHaveExecuted: true },
    })
    expect(world.statuses).toEqual(['a running', 'a ok', 'read running', 'read failed'])
  })

  test('by a tool that says isError, too', async () => {
    const answer = (): JsonObject => ({ ...text('no such file'), isError: true })
    await expect(world.run([READ], { answer })).rejects.toMatchObject({
      code: 'pipeline_step_failed',
      message: 'Step read: no such file',
      facts: { step: 'read', mayHaveExecuted: true },
    })
  })

  test('may be passed over', async () => {
    const result = await world.run([{ ...READ, onError: 'continue' }], {
      answer: down,
      output: '${steps.read.status}: ${steps.read.error.message}',
    })
    expect(result).toEqual(text('failed: Server files is down'))
  })

  test('may have something stand for its result', async () => {
    const result = await world.run([{ ...READ, onError: 'default', default: { from: '${input.a}' } }], {
      answer: down,
      input: { a: 'b' },
      output: '${steps.read.status} ${steps.read.data.from}',
    })
    expect(result).toEqual(text('default b'))
  })

  test('is tried as often as it may be, after longer and longer', async () => {
    const done = world.run([{ ...READ, retry: { maxAttempts: 3, delayMs: 100 } }], {
      answer: (call) => (calls.length < 3 ? down(call) : text('at last')),
    })
    await clock.advance(99)
    expect(calls).toHaveLength(1)
    await clock.advance(1)
    expect(calls).toHaveLength(2)
    await clock.advance(199)
    expect(calls).toHaveLength(2)
    await clock.advance(1)
    expect(await done).toEqual(text('at last'))
  })

  test('because its caller may not do this is not tried again', async () => {
    const answer: Answer = () => {
      throw new GatewayError('tool_not_found', 'Unknown tool: files_read')
    }
    await expect(world.run([{ ...READ, retry: {} }], { answer })).rejects.toMatchObject({
      message: 'Step read: Unknown tool: files_read',
      facts: { step: 'read', mayHaveExecuted: false },
    })
    expect(calls).toHaveLength(1)
  })

  test('by its server’s own error says it, and keeps the step among the facts', async () => {
    const answer: Answer = () => {
      throw new GatewayError('upstream_error', undefined, {
        facts: { upstream: { code: -32000, message: 'out of paper' } },
      })
    }
    await expect(world.run([READ], { answer })).rejects.toMatchObject({
      message: 'Step read: out of paper',
      facts: { step: 'read' },
    })
  })
})

describe('time', () => {
  test('of a step ends the call in flight, and what stands for it takes over', async () => {
    const done = world.run([{ ...READ, timeoutMs: 50, onError: 'default', default: 'late' }], {
      answer: hang,
    })
    await clock.advance(49)
    expect(calls[0]?.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(calls[0]?.signal.aborted).toBe(true)
    expect(await done).toEqual(text('late'))
  })

  test('of the run names the step that it ended', async () => {
    const done = world.run(
      [
        { id: 'a', tool: 'x_y' },
        { ...READ, onError: 'continue' },
        { id: 'c', tool: 'x_y' },
      ],
      {
        answer: (call) => (call.step === 'read' ? hang(call) : text('')),
      },
    )
    const [ended] = await Promise.all([done.catch((error: unknown) => error), clock.advance(10_000)])
    expect(ended).toMatchObject({
      code: 'upstream_timeout',
      message: 'Step read: The call took longer than 10000 ms',
      facts: { step: 'read', mayHaveExecuted: true },
    })
    expect(calls.map(({ step }) => step)).toEqual(['a', 'read'])
    expect(clock.pending).toBe(0)
  })
})

test('a run that is cancelled ends the call in flight and begins no other, whatever its steps make of errors', async () => {
  const done = world.run(
    [
      { ...READ, onError: 'continue' },
      { id: 'b', tool: 'x_y' },
    ],
    { answer: hang },
  )
  await clock.advance(0)
  world.cancel.abort()
  await expect(done).rejects.toMatchObject({ code: 'cancelled', facts: { step: 'read' } })
  expect(calls.map(({ step }) => step)).toEqual(['read'])
})
