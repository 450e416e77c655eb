/** How many test files may run once more; where more of them fail, the change is at fault and not the machine. */
const MAX_FILES = 3

/** What of Jest's JSON output is read. */
export interface TestResults {
  readonly testResults: readonly { readonly name: string; readonly status: string }[]
}

/**
 * The test files that run once more after a first run that failed. None where a coverage threshold was missed, where the
 * results cannot be read, and where more than three files failed.
 *
 * @param stderr what the first run wrote to stderr
 * @param read reads the results that Jest wrote; may throw
 */
export function afterFirstRun(stderr: string, read: () => TestResults): string[] {
  if (stderr.includes('coverage threshold for')) return []
  try {
    const failed = read().testResults.filter(({ status }) => status !== 'passed')
    return failed.length > MAX_FILES ? [] : failed.map(({ name }) => name)
  } catch {
    return []
  }
}
