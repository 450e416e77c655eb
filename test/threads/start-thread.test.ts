import { once } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { expect, test } from '@jest/globals'
import { startThread } from '../../src/threads/start-thread.ts'

test('a thread sees nothing of the environment but where compiled modules are kept', async () => {
  const worker = startThread(import.meta, '../support/environment-worker', undefined)
  const [seen] = (await once(worker, 'message')) as [Record<string, string>]
  expect(Object.keys(process.env)).toContain('PATH')
  expect(Object.keys(seen).filter((name) => name !== 'NODE_COMPILE_CACHE')).toEqual([])
  const folder = getCompileCacheDir()
  expect(seen['NODE_COMPILE_CACHE']).toBe(folder === undefined ? undefined : dirname(folder))
  await worker.terminate()
})
