import { expect, test } from '@jest/globals'
import { RunBudget } from '../../src/pipelines/run-budget.ts'
import { runPlan } from '../../src/pipelines/pipeline-run.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { plan } from './plans.ts'
import { READ, RunWorld, text } from './run-world.ts'

test('a run and those that it begins make 10,000 calls at most, and what is tried again counts again', async () => {
  const budget = new RunBudget()
  for (let call = 0; call < 9_999; call += 1) budget.countCall()
  let calls = 0
  const run = runPlan(plan([{ ...READ, forEach: 'input.l', concurrency: 1, arguments: {} }]), {
    input: { l: [1, 2] },
    call: () => {
      calls += 1
      return Promise.resolve(text('done'))
    },
    budget,
    clock: new FakeClock(),
    timeoutMs: 1000,
    signal: new AbortController().signal,
    onStep: () => undefined,
    onProgress: () => undefined,
  })
  await expect(run).rejects.toMatchObject({
    code: 'pipeline_step_failed',
    message: 'Step read: A run may make at most 10000 calls, including those of the pipelines that it calls',
  })
  expect(calls).toBe(1)
})

test('values that stand for results are kept like results, and count like them', async () => {
  const world = new RunWorld()
  const steps = [
    { ...READ, forEach: 'input.l', onError: 'default', default: { all: '${input.big}' }, arguments: {} },
  ]
  const failing = { answer: () => Promise.reject(new Error('down')) }
  const input = { l: Array.from({ length: 100 }, () => 1), big: 'x'.repeat(1024 * 1024) }
  await expect(world.run(steps, { input, ...failing })).rejects.toMatchObject({
    code: 'pipeline_step_failed',
    message: 'Step read: The combined results of the steps are too large',
  })
})

test('a run has 16 calls with servers at the same time, with those of the pipelines that it calls', async () => {
  const budget = new RunBudget()
  const held: (() => void)[] = []
  const all = Array.from({ length: 40 }, () =>
    budget.inTurn(() => new Promise<void>((done) => held.push(done))),
  )
  await Promise.resolve()
  expect(held).toHaveLength(16)
  for (let done = held.shift(); done !== undefined; done = held.shift()) {
    done()
    await new Promise(setImmediate)
  }
  await expect(Promise.all(all)).resolves.toHaveLength(40)
})

test('a call that fails gives its place to the next one', async () => {
  const budget = new RunBudget()
  const fail = (): Promise<never> => Promise.reject(new Error('down'))
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => budget.inTurn(fail)))
  expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(100)
  await expect(budget.inTurn(() => Promise.resolve('up'))).resolves.toBe('up')
})
