import { expect, test } from '@jest/globals'
import { SharedRuns } from '../../src/cache/shared-runs.ts'

function participant(): {
  abort: AbortController
  events: string[]
  part: Parameters<SharedRuns<string, string>['join']>[1]
} {
  const abort = new AbortController()
  const events: string[] = []
  return { abort, events, part: { signal: abort.signal, onEvent: (event) => void events.push(event) } }
}

/** Work that a test ends, and what it was given. */
function work(): {
  runs: number
  signal: AbortSignal | undefined
  tell: (event: string) => void
  end: PromiseWithResolvers<string>
  start: Parameters<SharedRuns<string, string>['join']>[2]
} {
  const its = {
    runs: 0,
    signal: undefined as AbortSignal | undefined,
    tell: (_event: string): void => undefined,
    end: Promise.withResolvers<string>(),
    start: (signal: AbortSignal, tell: (event: string) => void): Promise<string> => {
      its.runs += 1
      its.signal = signal
      its.tell = tell
      return its.end.promise
    },
  }
  return its
}

test('what is wanted at the same time is done once, and everybody hears of it', async () => {
  const runs = new SharedRuns<string, string>()
  const its = work()
  const [first, second] = [participant(), participant()]
  const answers = [runs.join('k', first.part, its.start), runs.join('k', second.part, its.start)]
  await Promise.resolve()
  its.tell('half')
  its.end.resolve('done')
  expect(await Promise.all(answers)).toEqual([
    { result: 'done', isFirst: true },
    { result: 'done', isFirst: false },
  ])
  expect([its.runs, first.events, second.events]).toEqual([1, ['half'], ['half']])
  await runs.join('k', first.part, its.start)
  expect(its.runs).toBe(2)
})

test('a failure is everybody’s', async () => {
  const runs = new SharedRuns<string, string>()
  const its = work()
  const answers = [participant(), participant()].map(({ part }) => runs.join('k', part, its.start))
  its.end.reject(new Error('no'))
  const settled = await Promise.allSettled(answers)
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})

test('a caller that cancels is answered at once, and the work continues until the last one cancels', async () => {
  const runs = new SharedRuns<string, string>()
  const its = work()
  const [first, second] = [participant(), participant()]
  const one = runs.join('k', first.part, its.start)
  const two = runs.join('k', second.part, its.start)
  first.abort.abort()
  await expect(one).rejects.toMatchObject({ code: 'cancelled' })
  expect(its.signal?.aborted).toBe(false)
  second.abort.abort()
  await expect(two).rejects.toMatchObject({ code: 'cancelled' })
  expect(its.signal?.aborted).toBe(true)
  const late = work()
  const third = runs.join('k', participant().part, late.start)
  late.end.resolve('anew')
  expect(await third).toEqual({ result: 'anew', isFirst: true })
})

test('who was gone before starts nothing', async () => {
  const runs = new SharedRuns<string, string>()
  const its = work()
  const gone = participant()
  gone.abort.abort()
  await expect(runs.join('k', gone.part, its.start)).rejects.toMatchObject({ code: 'cancelled' })
  expect(its.runs).toBe(0)
})
