import { expect, test } from '@jest/globals'
import { Slots } from '../../src/upstream/slots.ts'

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
