import { expect, test } from '@jest/globals'
import { pino } from 'pino'
import { LimitedLog } from '../../src/telemetry/limited-log.ts'
import { FakeClock } from '../support/fake-clock.ts'

function logged(everyMs?: number): { lines: unknown[]; clock: FakeClock; log: LimitedLog } {
  const lines: unknown[] = []
  const clock = new FakeClock()
  const logger = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) })
  return { lines, clock, log: new LimitedLog({ clock, logger, ...(everyMs !== undefined && { everyMs }) }) }
}

test('there is one line a minute, and each tells how much was left out since the one before', async () => {
  const { lines, clock, log } = logged()
  const warn = (name: string, count?: number): void => log.warn((leftOut) => ({ name, leftOut }), 'x', count)
  warn('first')
  warn('second')
  await clock.advance(59_999)
  warn('third', 5)
  await clock.advance(1)
  warn('fourth')
  await clock.advance(60_000)
  warn('fifth')
  expect(lines).toEqual([
    { level: 40, name: 'first', leftOut: 0, msg: 'x' },
    { level: 40, name: 'fourth', leftOut: 6, msg: 'x' },
    { level: 40, name: 'fifth', leftOut: 0, msg: 'x' },
  ])
})

test('a line that is left out costs nothing but a look at the clock: its facts are not made', async () => {
  const { lines, clock, log } = logged(10_000)
  let made = 0
  const warn = (): void => log.warn(() => ({ made: (made += 1) }), 'x')
  for (let times = 0; times < 1000; times += 1) warn()
  await clock.advance(10_000)
  warn()
  expect(lines).toEqual([
    { level: 40, made: 1, msg: 'x' },
    { level: 40, made: 2, msg: 'x' },
  ])
})
