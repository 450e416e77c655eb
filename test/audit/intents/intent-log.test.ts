import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { IntentLog } from '../../../src/audit/intents/intent-log.ts'
import { systemClock as clock } from '../../../src/domain/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { usageRecord } from '../../support/usage-records.ts'

let folder: Awaited<ReturnType<typeof temporaryDirectory>>
let logs: IntentLog[]

beforeEach(async () => {
  folder = await temporaryDirectory()
  logs = []
})

afterEach(async () => {
  for (const log of logs) await log.close()
  await folder[Symbol.asyncDispose]()
})

async function open(): Promise<{ log: IntentLog; left: unknown[] }> {
  const digester = { digestOf: () => 'digest' } as never
  const { log, left } = await IntentLog.open({
    dir: folder.path,
    digester,
    clock,
    random: Math.random,
    logger,
  })
  logs.push(log)
  return { log, left: left.map((line) => JSON.parse(line) as unknown) }
}

const file = (): Promise<string> => readFile(join(folder.path, 'intents.jsonl'), 'utf8')

test('an intent is on disk before its call is sent, without the text of its arguments', async () => {
  const { log } = await open()
  await log.begin({ ...usageRecord({ id: 'a', outcome: 'unknown' }), argumentsText: '{"secret":1}' })
  expect(await file()).toContain('"outcome":"unknown"')
  expect(await file()).not.toContain('secret')
})

test('the next start finds what was not closed, and only that', async () => {
  const { log } = await open()
  const close = await log.begin(usageRecord({ id: 'a', outcome: 'unknown' }))
  await log.begin(usageRecord({ id: 'b', outcome: 'unknown' }))
  close()
  await eventually(async () => (await file()).includes('closed'))
  const { left, log: next } = await open()
  expect(left).toMatchObject([{ id: 'b', outcome: 'unknown', argumentsDigest: 'digest' }])
  await next.forgetLeft()
  expect((await open()).left).toEqual([])
})

test('a line that was torn, or is not as it was written, is left out', async () => {
  const { log } = await open()
  await log.begin(usageRecord({ id: 'a', outcome: 'unknown' }))
  const whole = await file()
  await writeFile(
    join(folder.path, 'intents.jsonl'),
    `${whole}${whole.replace('"a"', '"b"')}${whole.slice(0, 40)}`,
  )
  expect((await open()).left).toMatchObject([{ id: 'a' }])
})

test('the file stays small, and keeps what is open', async () => {
  const { log } = await open()
  await log.begin(usageRecord({ id: 'open', outcome: 'unknown' }))
  for (let count = 0; count < 40; count += 1) {
    const closes = await Promise.all(
      Array.from({ length: 100 }, (_none, index) => log.begin(usageRecord({ id: `${count}-${index}` }))),
    )
    for (const close of closes) close()
  }
  expect((await file()).length).toBeLessThan(1_200_000)
  await log.close()
  logs = []
  expect((await open()).left).toContainEqual(expect.objectContaining({ id: 'open' }))
})
