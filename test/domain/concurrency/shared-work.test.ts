import { expect, test } from '@jest/globals'
import { SharedWork } from '../../../src/domain/concurrency/shared-work.ts'

test('work of one name is done once for all who want it meanwhile, and again for those who come later', async () => {
  const work = new SharedWork<string>()
  const first = Promise.withResolvers<string>()
  let begun = 0
  const begin = (): Promise<string> => {
    begun += 1
    return begun === 1 ? first.promise : Promise.resolve('second')
  }
  const both = [work.run('a', begin), work.run('a', begin)]
  expect(begun).toBe(1)
  first.resolve('first')
  expect(await Promise.all(both)).toEqual(['first', 'first'])
  expect(await work.run('a', begin)).toBe('second')
})

test('work of different names is done at the same time, and what fails is tried again by the next who wants it', async () => {
  const work = new SharedWork<string>()
  const failing = work.run('a', () => Promise.reject(new Error('away')))
  expect(await work.run('b', () => Promise.resolve('other'))).toBe('other')
  await expect(failing).rejects.toThrow('away')
  expect(await work.run('a', () => Promise.resolve('back'))).toBe('back')
})
