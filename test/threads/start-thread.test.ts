import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { startThread } from '../../src/threads/start-thread.ts'

test('a thread sees nothing of the environment but where compiled modules are kept', async () => {
  const worker = startThread(import.meta, '../support/environment-worker', undefined)
  const [seen] = (await once(worker, 'message')) as [Record<string, string>]
  expect(Object.keys(process.env)).toContain('PATH')
  expect(Object.keys(seen).filter((name) => name !== 'NODE_COMPILE_CACHE')).toEqual([])
  expect(seen['NODE_COMPILE_CACHE']).toBe(process.env['NODE_COMPILE_CACHE'])
  await worker.terminate()
})
