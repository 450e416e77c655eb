import { expect, test } from '@jest/globals'
import { SerialQueues } from '../../../src/domain/concurrency/serial-queues.ts'

test('tasks of one key run one after the other, also behind one that fails, and others do not wait for them', async () => {
  const queues = new SerialQueues<string>()
  const said: string[] = []
  const first = Promise.withResolvers<void>()
  const failing = queues.run('a', async () => {
    await first.promise
    said.push('first of a')
    throw new Error('no')
  })
  const second = queues.run('a', () => Promise.resolve(said.push('second of a')))
  await queues.run('b', () => Promise.resolve(said.push('b')))
  first.resolve()
  await expect(failing).rejects.toThrow('no')
  expect(await second).toBe(3)
  expect(said).toEqual(['b', 'first of a', 'second of a'])
})

test('a key is kept no longer than it has tasks', async () => {
  const queues = new SerialQueues<string>()
  const turn = (key: string): Promise<void> => queues.run(key, () => Promise.resolve())
  const all = ['a', 'a', 'b'].map(turn)
  expect(queues.size).toBe(2)
  await Promise.all(all)
  expect(queues.size).toBe(0)
  await expect(queues.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(queues.size).toBe(0)
})
