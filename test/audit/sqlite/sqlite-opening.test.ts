import { expect, test } from '@jest/globals'
import { SqliteAuditStore } from '../../../src/audit/sqlite/sqlite-store.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { startThread } from '../../../src/threads/start-thread.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

test('says what takes so long when a database of an earlier version is rewritten', async () => {
  await using dir = await temporaryDirectory()
  const clock = new FakeClock()
  const messages: string[] = []
  const logger = { warn: (_facts: object, message: string) => messages.push(message) }
  const held: (() => void)[] = []
  let isHeld = true
  const opening = SqliteAuditStore.open({
    dir: dir.path,
    key: Buffer.alloc(32),
    clock,
    logger: logger as unknown as Logger,
    startThread: (...options) => {
      const thread = startThread(...options)
      const post = thread.postMessage.bind(thread)
      thread.postMessage = (message) => void (isHeld ? held.push(() => post(message)) : post(message))
      return thread
    },
  })
  await eventually(() => held.length === 1)
  await clock.advance(2000)
  isHeld = false
  for (const send of held) send()
  await (await opening).close()
  await clock.advance(60_000)
  expect(messages).toEqual([
    'opening the audit database takes long: one of an earlier version is rewritten first',
  ])
})
