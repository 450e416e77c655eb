import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import type Sequencer from '@jest/test-sequencer'
import { LONG_FILES } from './long-files.ts'

type Tests = Parameters<Sequencer.default['sort']>[0]

// Its types are those of CommonJS.
const { default: JestSequencer } = createRequire(import.meta.url)('@jest/test-sequencer') as typeof Sequencer
const TESTS = join(import.meta.dirname, '../..')

/**
 * Starts the files that take longest first, so that no worker is alone with one at the end. Jest does so by what each took in
 * the last run; in a fresh clone it goes by size, and `LONG_FILES` come before all others.
 */
// oxlint-disable-next-line import/no-default-export -- Jest takes a sequencer that is the default export
export default class LongestFirst extends JestSequencer {
  override async sort(tests: Tests): Promise<Tests> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of Jest's
    const sorted = await super.sort(tests)
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted
    return sorted.toSorted((one, other) => secondsOf(other) - secondsOf(one))
  }
}

function secondsOf({ path }: Tests[number]): number {
  return LONG_FILES[relative(TESTS, path)] ?? 0
}
