import { NEEDS_EMULATOR, ON_STAND_IN } from '../firestore-backend.ts'

interface Results {
  readonly testResults: readonly {
    readonly testResults: readonly { readonly status: string; readonly ancestorTitles: readonly string[] }[]
  }[]
}

/** Says at the end of a run which tests ran without the Firestore emulator, or did not run for want of it. */
// oxlint-disable-next-line import/no-default-export -- Jest takes a reporter that is the default export
export default class FirestoreReporter {
  onRunComplete(_contexts: unknown, { testResults }: Results): void {
    const tests = testResults.flatMap((file) => file.testResults)
    const count = (mark: string, isRun: boolean): number =>
      tests.filter(
        ({ status, ancestorTitles }) =>
          ancestorTitles.some((title) => title.endsWith(mark)) &&
          ['passed', 'failed'].includes(status) === isRun,
      ).length
    const ran = count(ON_STAND_IN, true)
    const missing = count(NEEDS_EMULATOR, false)
    const lines = [
      ran > 0 && `${ran} Firestore tests ran on the in-process stand-in, not on the emulator`,
      missing > 0 && `NOT RUN: ${missing} tests that need the Firestore emulator and Java`,
    ].filter((line) => line !== false)
    // Jest's own summary comes after the last reporter, and is long when tests failed.
    if (lines.length > 0) process.once('exit', () => process.stderr.write(`\n${lines.join('\n')}\n`))
  }
}
