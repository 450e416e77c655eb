import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from '@jest/globals'
import { segmentFile } from '../../src/audit/spool/segment-files.ts'
import { eventually } from '../support/eventually.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { usageRecord } from '../support/usage-records.ts'
import { filesOf, leaveBehind, openSpool, records } from './spooling.ts'

/** Writes batches of 10 records for ever to a store that is down, and prints the ids of each that is on disk. */
const WRITER = `
import { openAuditOver } from './src/audit/audit-open.ts'
import { newRecordId } from './src/audit/record-id.ts'
import { systemClock as clock } from './src/domain/clock.ts'
import { createLogger } from './src/telemetry/logger.ts'
const [dataDir, text] = process.argv.slice(1)
const logger = createLogger({ level: 'silent', format: 'json' })
const down = { write: () => Promise.reject(new Error('down')), query: () => Promise.reject(new Error('down')), close: () => Promise.resolve() }
const limits = { limitBytes: 1e9, segmentBytes: 20_000, queueLimit: 10_000 }
const { log } = await openAuditOver(down, { dataDir, key: Buffer.alloc(32), ...limits, clock, random: Math.random, logger })
const record = JSON.parse(text)
for (;;) {
  const ids = Array.from({ length: 10 }, () => newRecordId(Date.now()))
  for (const id of ids) { log.reserve(); log.record({ ...record, id }) }
  await log.flush()
  process.stdout.write(ids.join(' ') + '\\n')
}
`

describe('a killed process', () => {
  test('every record that was on disk is delivered by the next process, each once', async () => {
    await using dir = await temporaryDirectory()
    const durable: string[] = []
    for (let kill = 0; kill < 3; kill += 1) {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', WRITER, dir.path, JSON.stringify(usageRecord())],
        { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const exited = once(child, 'exit')
      const enough = durable.length + 500 + kill * 170
      for await (const line of createInterface({ input: child.stdout })) {
        durable.push(...line.split(' '))
        if (durable.length >= enough) child.kill('SIGKILL')
      }
      await exited
    }
    expect(durable.length).toBeGreaterThan(2000)
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.audit.spool().waitingBytes === 0)
    const delivered = new Set(opened.store.records.keys())
    expect(durable.filter((id) => !delivered.has(id))).toEqual([])
    expect(opened.store.deliveries).toBe(delivered.size)
    await eventually(async () => (await filesOf(dir.path)).length === 0)
  })

  test('an empty segment of a process that was killed before its first line is deleted, before and behind others', async () => {
    await using dir = await temporaryDirectory()
    await leaveBehind(dir.path, records(2))
    const [name = ''] = await filesOf(dir.path)
    const folder = join(dir.path, 'spool')
    for (const number of [0, 2]) await writeFile(join(folder, segmentFile(number)), '')
    expect([name, (await filesOf(dir.path)).length]).toEqual([segmentFile(1), 3])
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 2)
    await eventually(async () => (await filesOf(dir.path)).length === 0)
  })
})
