import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { LONG_FILES } from './jest/long-files.ts'
import LongestFirst from './jest/sequencer.ts'

const TESTS = join(import.meta.dirname, '..')
const context = {
  // Without what Jest keeps of earlier runs.
  config: { cache: false },
  hasteFS: { getSize: (path: string) => (path.endsWith('large.test.ts') ? 9000 : 100) },
}

test('in a fresh clone files that take long begin first, then the larger ones', async () => {
  const paths = ['small.test.ts', 'e2e/install.test.ts', 'large.test.ts', 'faults/replicas.test.ts']
  const tests = paths.map((path) => ({ path: join(TESTS, path), context }))
  // oxlint-disable-next-line unicorn/no-array-sort -- a method of Jest's
  const sorted = await new LongestFirst({} as never).sort(tests as never)
  expect(sorted.map(({ path }) => path.slice(TESTS.length + 1))).toEqual([
    'faults/replicas.test.ts',
    'e2e/install.test.ts',
    'large.test.ts',
    'small.test.ts',
  ])
})

test('the files that are said to take long exist', () => {
  expect(Object.keys(LONG_FILES).filter((path) => !existsSync(join(TESTS, path)))).toEqual([])
})
