import { expect, test } from '@jest/globals'
import { pino } from 'pino'
import { diagLogger } from '../../../src/telemetry/export/diag-logger.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function logged(): { lines: Record<string, unknown>[]; logger: pino.Logger } {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  return { lines, logger: pino({ base: null, timestamp: false }, { write }) }
}

test('of many failures one a minute is told, with the number of those that were not', async () => {
  const { lines, logger } = logged()
  const clock = new FakeClock()
  const diag = diagLogger(logger, clock)
  for (let index = 0; index < 5; index += 1) diag.error('{"message":"connect ECONNREFUSED","stack":"long"}')
  await clock.advance(60_000)
  diag.warn('Dropped 3 spans')
  expect(lines).toEqual([
    { level: 40, reason: 'connect ECONNREFUSED', msg: 'telemetry could not be exported' },
    { level: 40, reason: 'Dropped 3 spans', untold: 4, msg: 'telemetry could not be exported' },
  ])
})

test.each([
  ['{"code":"ECONNREFUSED","stack":"long"}', 'ECONNREFUSED'],
  ['{"stack":"only"}', '{"stack":"only"}'],
  ['{broken', '{broken'],
  ['x'.repeat(1000), 'x'.repeat(300)],
])('the reason in %s', (message, reason) => {
  const { lines, logger } = logged()
  diagLogger(logger, new FakeClock()).error(message)
  expect(lines[0]?.['reason']).toBe(reason)
})

test('what OpenTelemetry says beside warnings and errors is not logged', () => {
  const { lines, logger } = logged()
  const diag = diagLogger(logger, new FakeClock())
  diag.info('x')
  diag.debug('x')
  diag.verbose('x')
  expect(lines).toEqual([])
})
