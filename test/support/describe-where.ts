import { describe } from '@jest/globals'

/** Declares a suite of tests. */
export type Suite = (title: string, tests: () => void) => void

/**
 * `describe` for what needs something of the machine: where it is not there, the tests are skipped, and the run says so
 * at its end.
 */
export function describeWhere(isThere: boolean, need: string): Suite {
  return isThere ? describe : marked(describe.skip, `[needs ${need}]`)
}

/** A suite with a mark at the end of its title, which the reporter finds. */
export function marked(suite: Suite, mark: string): Suite {
  return (title, tests) => suite(`${title} ${mark}`, tests)
}
