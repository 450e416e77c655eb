import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { usageRecord } from '../support/usage-records.ts'
import { downStore, filesOf, leaveBehind, openSpool, records, targetsOf } from './spooling.ts'

describe('several processes', () => {
  test('stores that live share the folder and no segment', async () => {
    await using dir = await temporaryDirectory()
    await using one = await openSpool(dir.path, { store: downStore() })
    await one.spooled.write(records(5, 'one'))
    await using two = await openSpool(dir.path)
    await two.spooled.write(records(5, 'two'))
    await eventually(() => two.store.records.size === 5)
    expect(targetsOf([...two.store.records.values()])).toEqual(targetsOf(records(5, 'two')))
    one.store.isDown = false
    await eventually(() => one.store.records.size === 5)
    expect(targetsOf([...one.store.records.values()])).toEqual(targetsOf(records(5, 'one')))
  })

  test('an owner on another host counts as gone after a minute without a sign of life', async () => {
    await using dir = await temporaryDirectory()
    const clock = new FakeClock()
    const owner = 'ffffffff-1-0123456789abcdef'
    const path = await leaveBehind(dir.path, records(2))
    await writeFile(join(dir.path, 'spool', `${owner}.000000001.jsonl`), await readFile(path))
    await writeFile(join(dir.path, 'spool', `${owner}.alive`), '')
    await utimes(join(dir.path, 'spool', `${owner}.alive`), clock.now() / 1000, clock.now() / 1000)
    await rm(path)
    await using opened = await openSpool(dir.path, { clock })
    await clock.advance(30_000)
    expect(await filesOf(dir.path)).toEqual([`${owner}.000000001.jsonl`])
    await eventually(async () => {
      await clock.advance(30_000)
      return opened.store.records.size === 2
    })
    expect(await filesOf(dir.path, '.alive')).not.toContain(`${owner}.alive`)
  })

  test('an owner that was wrongly taken for gone writes what it has to elsewhere', async () => {
    await using dir = await temporaryDirectory()
    await using alive = await openSpool(dir.path, { store: downStore() })
    await alive.spooled.write(records(2, 'before'))
    const [name = ''] = await filesOf(dir.path)
    // Another process has renamed the segment and is done with it.
    await rename(join(dir.path, 'spool', name), join(dir.path, 'taken'))
    expect(await readFile(join(dir.path, 'taken'), 'utf8')).toContain('before-1')
    await alive.spooled.write(records(2, 'after'))
    await alive.spooled.close()
    await using next = await openSpool(dir.path)
    await eventually(() => next.store.records.size === 2)
    expect(next.store.targets).toEqual(['after-0', 'after-1'])
  })
})

/** Writes batches of 10 records for ever to a store that is down, and prints the ids of each that is durable. */
const WRITER = `
import { AuditLog, newRecordId } from './src/audit/audit-log.ts'
import { DigestThread } from './src/audit/digest/digest-thread.ts'
import { SpooledStore } from './src/audit/spool/spooled-store.ts'
import { systemClock as clock } from './src/domain/clock.ts'
import { createLogger } from './src/telemetry/logger.ts'
const logger = createLogger({ level: 'silent', format: 'json' })
const down = { write: () => Promise.reject(new Error('down')), query: () => Promise.reject(new Error('down')), close: () => Promise.resolve() }
const digests = new DigestThread({ key: Buffer.alloc(32) })
const store = await SpooledStore.open({ store: down, digests, dir: process.argv[1], limitBytes: 1e9, segmentBytes: 20_000, clock, random: Math.random, logger })
const log = new AuditLog({ store, clock, random: Math.random, logger, queueLimit: 10_000 })
const record = JSON.parse(process.argv[2])
for (;;) {
  const ids = Array.from({ length: 10 }, () => newRecordId(Date.now()))
  for (const id of ids) { log.reserve(); log.record({ ...record, id }) }
  await log.durable()
  process.stdout.write(ids.join(' ') + '\\n')
}
`

describe('a killed process', () => {
  test('every record that was durable is delivered by the next process, each once', async () => {
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
    await eventually(() => opened.spooled.waitingBytes === 0)
    const delivered = new Set(opened.store.records.keys())
    expect(durable.filter((id) => !delivered.has(id))).toEqual([])
    expect(opened.store.deliveries).toBe(delivered.size)
    await eventually(async () => (await filesOf(dir.path)).length === 0)
    expect(await filesOf(dir.path, '.alive')).toHaveLength(1)
  })
})
