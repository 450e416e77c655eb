import { expect, test } from '@jest/globals'
import { reportLines, type RunResults } from './jest/skipped-reporter.ts'

type Test = RunResults['testResults'][number]['testResults'][number]

const passed: Test = { status: 'passed', ancestorTitles: ['a suite'] }
const needing = (need: string): Test => ({
  status: 'pending',
  ancestorTitles: ['top', `a suite [needs ${need}]`],
})
const run = (files: Readonly<Record<string, readonly Test[]>>): string[] =>
  reportLines(
    {
      testResults: Object.entries(files).map(([path, testResults]) => ({
        testFilePath: `/project/${path}`,
        testResults,
      })),
    },
    '/project',
  )

test('a run says nothing when every test ran', () => {
  expect(run({ 'test/a.test.ts': [passed, { ...passed, status: 'failed' }] })).toEqual([])
})

test('each reason for which tests were skipped is told once, with their number and their files', () => {
  expect(
    run({
      'test/b.test.ts': [needing('Linux'), passed, needing('terraform')],
      'test/a.test.ts': [needing('Linux'), needing('Linux')],
    }),
  ).toEqual([
    'NOT RUN, needs Linux: 3 tests of test/a.test.ts, test/b.test.ts',
    'NOT RUN, needs terraform: 1 test of test/b.test.ts',
  ])
})

test('tests that are skipped without a reason are told of, too', () => {
  const skipped = { status: 'pending', ancestorTitles: [] }
  expect(run({ 'test/a.test.ts': [skipped, { ...skipped, status: 'todo' }] })).toEqual([
    'NOT RUN, no reason given: 2 tests of test/a.test.ts',
  ])
})

test('tests that ran on the stand-in for Firestore are counted', () => {
  const onStandIn = { status: 'passed', ancestorTitles: ['a suite [on the stand-in for Firestore]'] }
  expect(run({ 'test/a.test.ts': [onStandIn, passed] })).toEqual([
    'Ran on the stand-in for Firestore, not on the emulator: 1 test',
  ])
})
