import { expect, test } from '@jest/globals'
import { Slots } from '../../../src/upstream/instance/slots.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const forever = new AbortController().signal

test('no more tasks run at once than there are slots, and all run in the end', async () => {
  const slots = new Slots({ count: 2 })
  let running = 0
  let most = 0
  const task = async (): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await Promise.resolve()
    running -= 1
  }
  await Promise.all(Array.from({ length: 9 }, () => slots.use(task, forever)))
  expect(most).toBe(2)
})

test('a task that fails gives its slot back', async () => {
  const slots = new Slots({ count: 1 })
  await expect(slots.use(() => Promise.reject(new Error('no')), forever)).rejects.toThrow('no')
  expect(await slots.use(() => Promise.resolve('next'), forever)).toBe('next')
})

test('who gives up waiting does not take a slot', async () => {
  const slots = new Slots({ count: 1 })
  const held = Promise.withResolvers<void>()
  const first = slots.use(() => held.promise, forever)
  const controller = new AbortController()
  const second = slots.use(() => Promise.resolve('never'), controller.signal)
  controller.abort(new Error('given up'))
  await expect(second).rejects.toThrow('given up')
  await expect(slots.use(() => Promise.resolve('never'), controller.signal)).rejects.toThrow('given up')
  const third = slots.use(() => Promise.resolve('third'), forever)
  held.resolve()
  await first
  expect(await third).toBe('third')
})

/** Slots that are taken until their task is ended by name, and the order in which tasks began. */
function rows(
  count: number,
  clock?: FakeClock,
): {
  add: (name: string, tenantId: string, isRetry?: boolean) => void
  end: (name: string) => Promise<void>
  begun: string[]
} {
  const slots = new Slots({ count, ...(clock !== undefined && { slow: { clock, afterMs: 500 } }) })
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const add = (name: string, tenantId: string, isRetry = false): void => {
    const task = (): Promise<void> => {
      begun.push(name)
      const { promise, resolve } = Promise.withResolvers<void>()
      ends.set(name, resolve)
      return promise
    }
    void slots.use(task, forever, { tenantId, isRetry })
  }
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.()
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
  return { add, end, begun }
}

test('the tenant with the fewest under way is next, in turns, whoever came first', async () => {
  const { add, end, begun } = rows(2)
  for (const name of ['a1', 'a2', 'a3', 'a4']) add(name, 'a')
  for (const name of ['b1', 'b2']) add(name, 'b')
  add('c1', 'c')
  expect(begun).toEqual(['a1', 'a2'])
  await end('a1')
  await end('b1')
  await end('c1')
  await end('a2')
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'b2', 'a3'])
})

test('of one tenant, what was not tried yet comes before what failed', async () => {
  const { add, end, begun } = rows(1)
  add('now', 'a')
  add('again', 'a', true)
  add('new', 'a')
  await end('now')
  await end('new')
  expect(begun).toEqual(['now', 'new', 'again'])
})

test('retries of a tenant take half of the slots at most', () => {
  const { add, begun } = rows(4)
  for (const name of ['r1', 'r2', 'r3']) add(name, 'a', true)
  add('new', 'a')
  expect(begun).toEqual(['r1', 'r2', 'new'])
})

test('first starts of one tenant do not hold up the retries of another', async () => {
  const { add, end, begun } = rows(1)
  for (let i = 1; i <= 5; i += 1) add(`a${i}`, 'a')
  add('b', 'b', true)
  await end('a1')
  await end('a2')
  expect(begun).toEqual(['a1', 'a2', 'b'])
})

test('40 that never answer hold up another one of their tenant for 2.5 s at most', async () => {
  const clock = new FakeClock()
  const { add, begun } = rows(8, clock)
  for (let i = 0; i < 40; i += 1) add(`hung-${i}`, 'a')
  add('good', 'a')
  await clock.advance(2499)
  expect(begun).toHaveLength(40)
  await clock.advance(1)
  expect(begun.at(-1)).toBe('good')
})

test('many that never answer, of one tenant, hold up another one for 500 ms at most, and 64 of them run', async () => {
  const clock = new FakeClock()
  const { add, begun } = rows(8, clock)
  for (let i = 0; i < 200; i += 1) add(`hung-${i}`, 'a')
  add('good', 'b')
  expect(begun).toHaveLength(8)
  await clock.advance(500)
  expect(begun[8]).toBe('good')
  await clock.advance(60_000)
  expect(begun).toHaveLength(65)
  add('next', 'b')
  expect(begun.at(-1)).toBe('next')
})

test('retries that never answer hold up no other retry of their tenant for longer', async () => {
  const clock = new FakeClock()
  const { add, begun } = rows(4, clock)
  for (let i = 0; i < 6; i += 1) add(`hung-${i}`, 'a', true)
  add('again', 'a', true)
  expect(begun).toHaveLength(2)
  await clock.advance(1500)
  expect(begun.at(-1)).toBe('again')
})

test('slow ones of many tenants are bounded, too', async () => {
  const clock = new FakeClock()
  const { add, end, begun } = rows(2, clock)
  for (let i = 0; i < 60; i += 1) add(`t${i}`, `tenant-${i}`)
  await clock.advance(600_000)
  expect(begun).toHaveLength(34)
  await end('t0')
  await clock.advance(500)
  expect(begun).toHaveLength(35)
})

test('all slots are free when the last task that holds one has ended, or is slow', async () => {
  const clock = new FakeClock()
  const slots = new Slots({ count: 1, slow: { clock, afterMs: 100 } })
  await slots.allFree(forever)
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const tasks = [first, second].map(({ promise }) => slots.use(() => promise, forever))
  let isFree = false
  const free = slots.allFree(forever).then(() => (isFree = true))
  first.resolve()
  await tasks[0]
  await clock.advance(99)
  expect(isFree).toBe(false)
  await clock.advance(1)
  expect(isFree).toBe(true)
  second.resolve()
  await Promise.all([free, ...tasks])
})

test('who waits for free slots only so long waits no longer, and neither does who comes too late', async () => {
  const slots = new Slots({ count: 1 })
  const held = Promise.withResolvers<void>()
  const task = slots.use(() => held.promise, forever)
  const controller = new AbortController()
  let isOver = false
  const waited = slots.allFree(controller.signal).then(() => (isOver = true))
  await Promise.resolve()
  expect(isOver).toBe(false)
  controller.abort()
  await waited
  await slots.allFree(controller.signal)
  held.resolve()
  await expect(task).resolves.toBeUndefined()
})
