import { appendFile, mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { describeWhere } from '../../support/describe-where.ts'
import { eventually } from '../../support/eventually.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { asStored, usageRecord } from '../../support/usage-records.ts'
import { downStore, filesOf, leaveBehind, openSpool, recorded, records, targetsOf } from '../spooling.ts'

describe('delivery', () => {
  test('delivers every record once and in order, with its digest in the place of its arguments', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { audit, store } = opened
    await recorded(audit.log, [usageRecord({ target: 'a', argumentsText: '{"b":"secret","a":1}' })])
    await recorded(audit.log, records(3))
    await eventually(() => store.records.size === 4)
    expect(store.targets).toEqual(['a', 'r-0', 'r-1', 'r-2'])
    expect(store.deliveries).toBe(4)
    const [first] = store.records.values()
    expect(first).toMatchObject({ argumentsDigest: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(first).not.toHaveProperty('argumentsText')
    expect(audit.spool().waitingBytes).toBe(0)
  })

  test('a write resolves while the store is down, and its records are delivered when it is back', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore() })
    const { audit, store } = opened
    const batch = records(500)
    await recorded(audit.log, batch)
    await eventually(() => !audit.spool().isDelivering)
    expect(audit.spool().waitingBytes).toBeGreaterThan(100_000)
    store.isDown = false
    await eventually(() => store.records.size === 500)
    expect(store.targets).toEqual(targetsOf(batch))
    expect(store.deliveries).toBe(500)
    await eventually(() => audit.spool().isDelivering)
  })

  test('asks a store that failed with one record before it sends batches again', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore(), batchSize: 10 })
    const { audit, store } = opened
    await recorded(audit.log, records(25))
    await eventually(() => store.sizes.length === 2)
    store.isDown = false
    await eventually(() => store.records.size === 25)
    expect(store.sizes.slice(0, 2)).toEqual([10, 1])
    expect(store.sizes.slice(-4)).toEqual([1, 10, 10, 4])
  })

  test('segments are for this user only, and gone when they are delivered', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore(), segmentBytes: 2000 })
    const { audit, store } = opened
    for (let written = 0; written < 5; written += 1) await recorded(audit.log, records(5))
    const names = await filesOf(dir.path)
    expect(names).toHaveLength(5)
    for (const name of names) expect((await stat(join(dir.path, 'spool', name))).mode & 0o777).toBe(0o600)
    store.isDown = false
    await eventually(() => store.records.size === 25)
    await audit.close()
    expect(await readdir(join(dir.path, 'spool'))).toEqual([])
  })

  test('the text of arguments is never on disk', async () => {
    await using dir = await temporaryDirectory()
    const path = await leaveBehind(dir.path, [usageRecord({ argumentsText: '{"password":"hunter2"}' })])
    const text = await readFile(path, 'utf8')
    expect(text).toContain('argumentsDigest')
    expect(text).not.toContain('hunter2')
  })

  test('what the store refuses permanently is quarantined, and what comes behind it is delivered', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { audit, store } = opened
    store.refuses = new Set(['r-1'])
    await recorded(audit.log, records(3))
    await eventually(() => audit.spool().waitingBytes === 0)
    expect(store.targets).toEqual(['r-0', 'r-2'])
    const refused = join(dir.path, 'spool', 'refused.jsonl')
    expect(await readFile(refused, 'utf8')).toMatch(/^[^\n]+"target":"r-1"[^\n]+\n$/)
    expect((await stat(refused)).mode & 0o777).toBe(0o600)
  })
})

describe('restart', () => {
  test('the next process delivers what was left, in order', async () => {
    await using dir = await temporaryDirectory()
    const batch = records(300)
    await leaveBehind(dir.path, batch)
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 300)
    expect(opened.store.targets).toEqual(targetsOf(batch))
  })

  test('a torn last line is dropped, and what is before it is delivered', async () => {
    await using dir = await temporaryDirectory()
    await appendFile(await leaveBehind(dir.path, records(3)), '{"crc":"01234567","id":"torn","atMs":17')
    const warnings: unknown[] = []
    const logger = { ...silentLogger, warn: (...said: unknown[]) => warnings.push(said) } as unknown as Logger
    await using opened = await openSpool(dir.path, { logger })
    await eventually(() => opened.store.records.size === 3)
    await eventually(async () => (await filesOf(dir.path)).length === 0)
    expect(opened.audit.spool().waitingBytes).toBe(0)
    expect(warnings).toEqual([[{ bytes: 39 }, 'dropped a partial record left by a crashed writer']])
  })

  test('damaged lines are quarantined, and what is around them is delivered', async () => {
    await using dir = await temporaryDirectory()
    const path = await leaveBehind(dir.path, records(4))
    const [first = '', second = '', ...rest] = (await readFile(path, 'utf8')).split('\n')
    const changed = second.replace('"target":"r-1"', '"target":"x-1"')
    await writeFile(path, [first, '\0\0\0', changed, '{"id":"no record"}', ...rest].join('\n'))
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 3)
    await eventually(() => opened.audit.spool().waitingBytes === 0)
    expect(opened.store.targets).toEqual(['r-0', 'r-2', 'r-3'])
    expect(await readFile(join(dir.path, 'spool', 'refused.jsonl'), 'utf8')).toBe(
      ['\0\0\0', changed, '{"id":"no record"}', ''].join('\n'),
    )
  })

  test('segments of an earlier version, which have no checksums, are delivered first', async () => {
    await using dir = await temporaryDirectory()
    const owner = '0a1b2c3d-4711-0123456789abcdef'
    await leaveBehind(dir.path, records(1, 'new'))
    const old = records(3, 'old').map((record) => `${JSON.stringify(asStored(record))}\n`)
    await writeFile(join(dir.path, 'spool', `${owner}.000000002.jsonl`), old.slice(2).join(''))
    await writeFile(join(dir.path, 'spool', `${owner}.000000001.jsonl`), old.slice(0, 2).join(''))
    await writeFile(join(dir.path, 'spool', `${owner}.alive`), '')
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 4)
    expect(opened.store.targets).toEqual(['old-0', 'old-1', 'old-2', 'new-0'])
    await eventually(async () => (await readdir(join(dir.path, 'spool'))).length === 0)
  })

  test('a record longer than what is read at once is delivered', async () => {
    await using dir = await temporaryDirectory()
    await leaveBehind(dir.path, [usageRecord({ subject: 'x'.repeat(1_000_000) }), ...records(1, 'next')])
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 2)
    expect(opened.store.targets).toEqual(['files_read', 'next-0'])
  })

  test('an unsent record survives any number of restarts', async () => {
    await using dir = await temporaryDirectory()
    for (let start = 0; start < 4; start += 1) await leaveBehind(dir.path, records(2, `start-${start}`))
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 8)
    expect(opened.store.targets.toSorted()).toEqual(
      [0, 1, 2, 3].flatMap((start) => [`start-${start}-0`, `start-${start}-1`]),
    )
  })

  test('what is in a segment that somebody removed before it was read is lost, and the log has an error', async () => {
    await using dir = await temporaryDirectory()
    for (let start = 0; start < 3; start += 1) await leaveBehind(dir.path, records(1, `start-${start}`))
    const errors: unknown[] = []
    const logger = {
      ...silentLogger,
      error: (...said: unknown[]) => errors.push(said[1]),
    } as unknown as Logger
    await using opened = await openSpool(dir.path, { logger, store: downStore() })
    await eventually(() => !opened.audit.spool().isDelivering)
    await rm(join(dir.path, 'spool', '000000000002.jsonl'))
    opened.store.isDown = false
    await eventually(() => opened.audit.spool().waitingBytes === 0)
    expect(opened.store.targets).toEqual(['start-0-0', 'start-2-0'])
    expect(errors).toContain('usage records in the spool were removed before they were delivered')
  })
})

describe('limit', () => {
  test('a full spool refuses reservations with audit_unavailable, keeps what was let in, and opens again', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore(), limitBytes: 4000 })
    const { audit, store } = opened
    for (let place = 0; place < 20; place += 1) audit.log.reserve()
    for (const record of records(20)) audit.log.record(record)
    await audit.log.flush()
    expect(() => audit.log.reserve()).toThrow(expect.objectContaining({ code: 'audit_unavailable' }))
    store.isDown = false
    await eventually(() => store.records.size === 20)
    await eventually(() => {
      audit.log.reserve()
      return true
    })
  })

  test('a spool as small as a segment does not stay full once everything is delivered', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { limitBytes: 65_536 })
    for (let round = 0; round < 10; round += 1) {
      await recorded(opened.audit.log, records(50, `round-${round}`))
      await opened.audit.query({ tenantId: 'acme', limit: 1 })
    }
    expect(opened.store.records.size).toBe(500)
  })

  test('a folder that cannot be written keeps records in memory until it can', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { audit, store } = opened
    await rm(join(dir.path, 'spool'), { recursive: true })
    audit.log.record(usageRecord({ target: 'kept' }))
    await new Promise(setImmediate)
    expect(audit.log.depth).toBe(1)
    await mkdir(join(dir.path, 'spool'))
    await audit.log.flush()
    await eventually(() => store.targets.includes('kept'))
  })

  test('what is in a segment that somebody removed is delivered, and the next record has a new one', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore() })
    const { audit, store } = opened
    await recorded(audit.log, records(1, 'removed'))
    await rm(join(dir.path, 'spool', '000000000001.jsonl'))
    await eventually(async () => {
      await recorded(audit.log, records(1, 'next'))
      return (await filesOf(dir.path)).includes('000000000002.jsonl')
    })
    store.isDown = false
    await eventually(() => audit.spool().waitingBytes === 0)
    expect(store.targets.slice(0, 2)).toEqual(['removed-0', 'next-0'])
  })
})

describeWhere(existsSync('/proc/self/fd'), '/proc')('many segments', () => {
  /** How many files of a folder this process has open. */
  async function openIn(dir: string): Promise<number> {
    const links = (await readdir('/proc/self/fd')).map((fd) =>
      readlink(`/proc/self/fd/${fd}`).catch(() => ''),
    )
    return (await Promise.all(links)).filter((path) => path.startsWith(dir)).length
  }

  test('of which one that is written and one that is read are open', async () => {
    await using dir = await temporaryDirectory()
    const options = { segmentBytes: 100 }
    {
      await using down = await openSpool(dir.path, { ...options, store: downStore() })
      for (let written = 0; written < 20; written += 1)
        await recorded(down.audit.log, records(1, `r-${written}`))
      await eventually(async () => (await openIn(dir.path)) <= 2)
      expect(await filesOf(dir.path)).toHaveLength(20)
    }
    await using next = await openSpool(dir.path, { ...options, store: downStore() })
    await eventually(() => !next.audit.spool().isDelivering)
    expect(await openIn(dir.path)).toBe(1)
    next.store.isDown = false
    await eventually(() => next.store.records.size === 20)
  })
})

describe('closing', () => {
  test('delivers what is left, and leaves it on disk when the store hangs', async () => {
    await using dir = await temporaryDirectory()
    await using up = await openSpool(dir.path, { closeWaitMs: 5000, batchSize: 10, delayMs: 60_000 })
    await recorded(up.audit.log, records(100))
    await up.audit.close()
    expect(up.store.deliveries).toBe(100)
    expect(await filesOf(dir.path)).toEqual([])
    await using hanging = await openSpool(dir.path)
    hanging.store.write = () => new Promise(() => {})
    await recorded(hanging.audit.log, records(1))
    await hanging.audit.close()
    expect(await filesOf(dir.path)).toHaveLength(1)
  })

  test('lets no further call in, however often', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { audit } = opened
    await Promise.all([audit.log.close(1000), audit.log.close(1000)])
    await Promise.all([audit.close(), audit.close()])
    expect(() => audit.log.reserve()).toThrow(expect.objectContaining({ code: 'audit_unavailable' }))
  })
})

describe('queries', () => {
  test('see every record that was on disk before them', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { delayMs: 60_000 })
    await recorded(opened.audit.log, records(3))
    expect(opened.store.records.size).toBe(0)
    const page = await opened.audit.query({ tenantId: 'acme', limit: 10 })
    expect(targetsOf(page.records)).toEqual(['r-0', 'r-1', 'r-2'])
  })

  test('see a record whose answer did not wait for it', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { delayMs: 60_000 })
    opened.audit.log.record(usageRecord({ target: 'late' }))
    const page = await opened.audit.query({ tenantId: 'acme', limit: 10 })
    expect(targetsOf(page.records)).toEqual(['late'])
  })

  test('wait 5 s for it at most, and not at all while the store fails', async () => {
    await using dir = await temporaryDirectory()
    const clock = new FakeClock()
    await using opened = await openSpool(dir.path, { clock })
    const { audit, store } = opened
    const hung = Promise.withResolvers<never>()
    store.write = () => hung.promise
    await recorded(audit.log, records(1))
    const answered = audit.query({ tenantId: 'acme', limit: 10 }).then(() => clock.monotonic())
    await clock.advance(4999)
    await clock.advance(1)
    expect(await answered).toBe(5000)
    hung.reject(new Error('store down'))
    await eventually(() => !audit.spool().isDelivering)
    expect(await audit.query({ tenantId: 'acme', limit: 10 })).toEqual({ records: [] })
    store.write = () => Promise.resolve()
  })
})
