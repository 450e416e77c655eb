import { expect, test } from '@jest/globals'
import { SerialQueue } from '../../../src/domain/concurrency/serial-queue.ts'

test('tasks run one after the other, also behind one that fails', async () => {
  const queue = new SerialQueue()
  const said: string[] = []
  const first = Promise.withResolvers<void>()
  const failing = queue.run(async () => {
    said.push('first begins')
    await first.promise
    said.push('first ends')
    throw new Error('no')
  })
  const second = queue.run(() => Promise.resolve(said.push('second')))
  expect(queue.isIdle).toBe(false)
  first.resolve()
  await expect(failing).rejects.toThrow('no')
  expect(await second).toBe(3)
  expect([said, queue.isIdle]).toEqual([['first begins', 'first ends', 'second'], true])
})
