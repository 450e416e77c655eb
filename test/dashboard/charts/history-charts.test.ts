import { expect, test } from '@jest/globals'
import { failureShare, serverFailureShare } from '../../../src/dashboard/charts/history-charts.ts'

test('mistakes of callers and calls that wait for approval are no failures of the server', () => {
  const step = {
    startMs: 0,
    calls: 10,
    errors: { client: 4, config: 0, upstream: 1, gateway: 0 },
    p50: 1,
    p95: 1,
    p99: 1,
  }
  expect([serverFailureShare(step), failureShare(step)]).toEqual(['10 %', '50 %'])
})
