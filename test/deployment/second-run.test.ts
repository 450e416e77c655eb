import { expect, test } from '@jest/globals'
import { afterFirstRun, type TestResults } from '../../scripts/second-run.ts'

const results =
  (...failed: string[]) =>
  (): TestResults => ({
    testResults: [
      { name: '/project/test/good.test.ts', status: 'passed' },
      ...failed.map((name) => ({ name, status: 'failed' })),
    ],
  })

test('the test files that failed run once more, and no other', () => {
  expect(afterFirstRun('', results('/project/test/a.test.ts', '/project/test/b.test.ts'))).toEqual([
    '/project/test/a.test.ts',
    '/project/test/b.test.ts',
  ])
})

test('a missed coverage threshold fails CI at once', () => {
  const stderr = 'Jest: "global" coverage threshold for lines (85%) not met: 84.2%\n'
  expect(afterFirstRun(stderr, results('/project/test/a.test.ts'))).toEqual([])
})

test('where more than three test files fail, CI fails at once', () => {
  expect(afterFirstRun('', results('a', 'b', 'c', 'd'))).toEqual([])
})

test('a run that left no results fails CI', () => {
  const read = (): TestResults => {
    throw new Error('no such file')
  }
  expect(afterFirstRun('', read)).toEqual([])
})
