import { expect, test } from '@jest/globals'
import { retryAfterMs } from '../../../src/upstream/fetch/retry-after.ts'

const NOW = Date.parse('2026-01-31T10:00:00Z')

test.each([
  ['0', 0],
  ['3', 3000],
  ['Sat, 31 Jan 2026 10:00:05 GMT', 5000],
  ['Sat, 31 Jan 2026 09:00:00 GMT', 0],
  ['9999999999', 3_600_000],
  ['Sun, 31 Jan 2027 10:00:00 GMT', 3_600_000],
])('%s is a time of %i ms', (value, ms) => {
  expect(retryAfterMs(value, NOW)).toBe(ms)
})

test.each([undefined, '', 'soon', '-5x', ['3', '4'], 'Sat'.repeat(100)])('%p is no time', (value) => {
  expect(retryAfterMs(value, NOW)).toBeUndefined()
})
