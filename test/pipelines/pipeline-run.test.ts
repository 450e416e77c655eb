import { beforeEach, describe, expect, test } from '@jest/globals'
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

describe('templates', () => {
  test('give values their own type alone, and as text among text', async () => {
    await world.run(
      [
        {
          ...READ,
          arguments: { n: '${input.n}', t: 'n=${input.n} l=${input.l} z=${input.z}', l: ['${input.l}'] },
        },
      ],
      {
        input: { n: 3, l: [1, { a: true }], z: null },
      },
    )
    expect(calls[0]?.arguments).toEqual({ n: 3, t: 'n=3 l=[1,{"a":true}] z=', l: [[1, { a: true }]] })
  })

  test('see the texts and the data of earlier steps', async () => {
    const answer: Answer = ({ step }) =>
      step === 'read'
        ? {
            content: [
              { type: 'text', text: '{"a":[1,2]}' },
              { type: 'text', text: '' },
            ],
          }
        : { content: [], structuredContent: { done: true } }
    const result = await world.run(
      [
        READ,
        { id: 'use', tool: 'x_y', arguments: { t: '${steps.read.text}' } },
        { id: 'more', tool: 'x_y', arguments: { d: '${steps.use.data.done}' } },
      ],
      { answer, output: { first: '${steps.use.status}' } },
    )
    expect(calls.map((call) => call.arguments)).toEqual([{}, { t: '{"a":[1,2]}\n' }, { d: true }])
    expect(result).toEqual({
      content: [{ type: 'text', text: '{"first":"ok"}' }],
      structuredContent: { first: 'ok' },
    })
  })

  test('that cannot be evaluated fail the step with the reason', async () => {
    const failing = world.run([{ ...READ, arguments: { n: '${length(input.n)}' } }], { input: { n: 3 } })
    await expect(failing).rejects.toMatchObject({
      code: 'pipeline_step_failed',
      message: expect.stringContaining('Step read: expression: Invalid type: length()'),
      facts: { step: 'read', mayHaveExecuted: false },
    })
    expect(calls).toEqual([])
  })

  test('cannot make more of the data than a call may have', async () => {
    const big = 'x'.repeat(3_000_000)
    const failing = world.run([{ ...READ, arguments: { n: '${[input.n, input.n, input.n]}' } }], {
      input: { n: big },
    })
    await expect(failing).rejects.toMatchObject({ code: 'pipeline_step_failed' })
  })
})

describe('the result', () => {
  test('is that of the last step', async () => {
    const answer = (): JsonObject => ({
      content: [{ type: 'image', data: 'AA' }],
      structuredContent: { a: 1 },
    })
    expect(await world.run([READ], { answer })).toEqual({
      content: [{ type: 'image', data: 'AA' }],
      structuredContent: { a: 1 },
    })
  })

  test('is the text of an output that is one', async () => {
    expect(await world.run([READ], { output: 'Read: ${steps.read.text}' })).toEqual(text('Read: {}'))
  })
})

describe('a condition', () => {
  test.each([
    ['input.x', { x: true }, ['read running', 'read ok']],
    ['input.x', { x: 0 }, ['read running', 'read ok']],
    ['input.x', { x: '' }, ['read running', 'read skipped']],
    ['input.x', { x: [] }, ['read running', 'read skipped']],
    ['input.x', {}, ['read running', 'read skipped']],
    ["input.x == 'a' && input.y > `2`", { x: 'a', y: 3 }, ['read running', 'read ok']],
  ])('%s with %j', async (when, input, expected) => {
    await world.run([{ ...READ, when }], { input })
    expect(world.statuses).toEqual(expected)
  })

  test('of a later step sees whether a step was skipped', async () => {
    await world.run([
      { ...READ, when: 'input.x' },
      { id: 'b', tool: 'x_y', when: "steps.read.status == 'skipped'" },
    ])
    expect(calls.map(({ step }) => step)).toEqual(['b'])
  })
})

describe('forEach', () => {
  const EACH = { id: 'each', tool: 'x_y', forEach: 'input.list', arguments: { i: '${item}', n: '${index}' } }

  test('does the step for each item, in order, and has all the results', async () => {
    const result = await world.run([EACH], {
      input: { list: ['a', 'b'] },
      output: '${steps.each.items[*].text}',
    })
    expect(calls.map((call) => call.arguments)).toEqual([
      { i: 'a', n: 0 },
      { i: 'b', n: 1 },
    ])
    expect(result['content']).toEqual([
      { type: 'text', text: '["{\\"i\\":\\"a\\",\\"n\\":0}","{\\"i\\":\\"b\\",\\"n\\":1}"]' },
    ])
  })

  test('has no more items under way than allowed', async () => {
    const ends: (() => void)[] = []
    const answer: Answer = () => new Promise((resolve) => ends.push(() => resolve(text('x'))))
    const done = world.run([{ ...EACH, concurrency: 2 }], { input: { list: [1, 2, 3, 4, 5] }, answer })
    for (const under of [2, 3, 4, 5]) {
      await clock.advance(0)
      expect(calls).toHaveLength(under)
      ends[under - 2]?.()
    }
    ends[4]?.()
    await done
    expect(calls).toHaveLength(5)
  })

  test('ends the other items when one fails', async () => {
    const answer: Answer = (call) => (call.arguments['i'] === 2 ? down(call) : hang(call))
    const failing = world.run([{ ...EACH, concurrency: 3 }], { input: { list: [1, 2, 3, 4] }, answer })
    await expect(failing).rejects.toMatchObject({ code: 'upstream_unavailable', facts: { step: 'each' } })
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true, true])
  })

  test('goes on with the others where that is wanted', async () => {
    const answer: Answer = (call) => (call.arguments['i'] === 1 ? down(call) : text('fine'))
    const result = await world.run([{ ...EACH, onError: 'continue' }], {
      input: { list: [1, 2] },
      answer,
      output: '${steps.each.items[*].[status, error.code]}',
    })
    expect(result).toEqual(text('[["failed","upstream_unavailable"],["ok",null]]'))
  })

  test('of something else fails', async () => {
    await expect(world.run([EACH], { input: { list: 'abc' } })).rejects.toMatchObject({
      message: 'Step each: forEach did not return a list',
    })
  })
})

test('progress goes up from step to step, and within one as its server says', async () => {
  const answer: Answer = ({ step, onProgress }) => {
    if (step === 'b') onProgress({ progress: 5, total: 10, message: 'half' })
    return text('')
  }
  await world.run([READ, { id: 'b', tool: 'x_y' }], { answer })
  expect(world.progress).toEqual([
    { progress: 0, total: 2, message: 'read' },
    { progress: 1, total: 2, message: 'b' },
    { progress: 1.5, total: 2, message: 'half' },
    { progress: 2, total: 2 },
  ])
})
