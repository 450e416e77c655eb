import { expect, test } from '@jest/globals'
import { adviceFor } from '../../../src/upstream/stdio/start-advice.ts'

test.each([
  [
    '/usr/bin/npx',
    'it has not printed anything: npx may still be downloading; try its command in a terminal, raise lifecycle.startTimeoutMs, or install the package (`servers install`)',
  ],
  [
    'uvx',
    'it has not printed anything: uvx may still be downloading; try its command in a terminal, raise lifecycle.startTimeoutMs',
  ],
])('an operator of a silent %s reads what to try', (command, advice) => {
  expect(adviceFor(command)).toBe(advice)
})
