import { expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { LeftOutNotices } from '../../../src/upstream/messages/left-out-notices.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { definitionOf } from '../../support/server-definitions.ts'

test('a server has one line a minute, with what was left out since the last one', async () => {
  const clock = new FakeClock()
  const lines: unknown[] = []
  const logger = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) })
  const counted: unknown[] = []
  const noticesLeftOut = (server: string, count: number): unknown => counted.push([server, count])
  const notices = new LeftOutNotices({ clock, logger, metrics: { noticesLeftOut } })
  const define = (name: string): ServerDefinition => definitionOf({ name, transport: 'stdio', command: 'x' })
  const [one, other] = [define('one'), define('other')]
  for (let times = 0; times < 100; times += 1) notices.add(one, 7)
  notices.add(other, 1)
  await clock.advance(59_999)
  notices.add(one, 7)
  await clock.advance(1)
  notices.add(one, 7)
  const text = 'a server sends too many notifications; those that announce no change are left out'
  expect(lines).toEqual([
    { level: 40, server: 'acme/one', count: 7, msg: text },
    { level: 40, server: 'acme/other', count: 1, msg: text },
    { level: 40, server: 'acme/one', count: 101 * 7, msg: text },
  ])
  expect(counted).toHaveLength(103)
})
