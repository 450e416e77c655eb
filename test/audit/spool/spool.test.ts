import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { AuditLog } from '../../../src/audit/audit-log.ts'
import { DigestThread } from '../../../src/audit/digest/digest-thread.ts'
import { SpooledStore } from '../../../src/audit/spool/spooled-store.ts'
import { SqliteAuditStore } from '../../../src/audit/sqlite/sqlite-store.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { usageRecord } from '../../support/usage-records.ts'
import { downStore, filesOf, KEY, leaveBehind, openSpool, records, targetsOf } from '../spooling.ts'

describe('delivery', () => {
  test('delivers every record once and in order, with its digest in the place of its arguments', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { spooled, store } = opened
    await spooled.write([usageRecord({ target: 'a', argumentsText: '{"b":"secret","a":1}' })])
    await spooled.write(records(3))
    await eventually(() => store.records.size === 4)
    expect(store.targets).toEqual(['a', 'r-0', 'r-1', 'r-2'])
    expect(store.deliveries).toBe(4)
    const [first] = store.records.values()
    expect(first).toMatchObject({ argumentsDigest: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(first).not.toHaveProperty('argumentsText')
    expect(spooled.waitingBytes).toBe(0)
  })

  test('a write resolves while the store is down, and its records are delivered when it is back', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore() })
    const { spooled, store } = opened
    const batch = records(500)
    await spooled.write(batch)
    await eventually(() => !spooled.isDelivering)
    expect(spooled.waitingBytes).toBeGreaterThan(100_000)
    store.isDown = false
    await eventually(() => store.records.size === 500)
    expect(store.targets).toEqual(targetsOf(batch))
    expect(store.deliveries).toBe(500)
    await eventually(() => spooled.isDelivering)
  })

  test('asks a store that failed with one record before it sends batches again', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore(), batchSize: 10 })
    const { spooled, store } = opened
    await spooled.write(records(25))
    await eventually(() => store.sizes.length === 2)
    store.isDown = false
    await eventually(() => store.records.size === 25)
    expect(store.sizes.slice(0, 2)).toEqual([10, 1])
    expect(store.sizes.slice(-4)).toEqual([1, 10, 10, 4])
  })

  test('segments are for this user only, and gone when they are delivered', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, { store: downStore(), segmentBytes: 2000 })
    const { spooled, store } = opened
    for (let written = 0; written < 5; written += 1) await spooled.write(records(5))
    const names = await filesOf(dir.path)
    expect(names).toHaveLength(5)
    for (const name of [...names, ...(await filesOf(dir.path, '.alive'))])
      expect((await stat(join(dir.path, 'spool', name))).mode & 0o777).toBe(0o600)
    store.isDown = false
    await eventually(() => store.records.size === 25)
    await spooled.close()
    expect(await readdir(join(dir.path, 'spool'))).toEqual([])
  })

  test('the text of arguments is never on disk', async () => {
    await using dir = await temporaryDirectory()
    const path = await leaveBehind(dir.path, [usageRecord({ argumentsText: '{"password":"hunter2"}' })])
    const text = await readFile(path, 'utf8')
    expect(text).toContain('argumentsDigest')
    expect(text).not.toContain('hunter2')
  })

  test('what the store refuses for good is put aside, and what comes behind it is delivered', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { spooled, store } = opened
    store.refuses = new Set(['r-1'])
    await spooled.write(records(3))
    await eventually(() => spooled.waitingBytes === 0)
    expect(store.targets).toEqual(['r-0', 'r-2'])
    const [refused = ''] = (await filesOf(dir.path)).filter((name) => name.startsWith('refused-'))
    expect(await readFile(join(dir.path, 'spool', refused), 'utf8')).toContain('"target":"r-1"')
    expect((await stat(join(dir.path, 'spool', refused))).mode & 0o777).toBe(0o600)
  })

  test('works in front of SQLite as well, which keeps what it gets twice once', async () => {
    await using dir = await temporaryDirectory()
    const sqlite = await SqliteAuditStore.open({ dir: dir.path, clock: systemClock, logger: silentLogger })
    const digests = new DigestThread({ key: KEY })
    const spooled = await SpooledStore.open({
      store: sqlite,
      digests,
      dir: dir.path,
      limitBytes: 1024 * 1024,
      clock: systemClock,
      random: () => 1,
      logger: silentLogger,
    })
    const batch = records(20)
    await spooled.write(batch)
    await spooled.write(batch)
    await eventually(() => spooled.waitingBytes === 0)
    const page = await spooled.query({ tenantId: 'acme', limit: 100 })
    expect(new Set(targetsOf(page.records))).toEqual(new Set(targetsOf(batch)))
    expect(page.records).toHaveLength(20)
    await spooled.close()
    await digests.close()
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
    await appendFile(await leaveBehind(dir.path, records(3)), '{"id":"torn","atMs":17')
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 3)
    await eventually(() => opened.spooled.waitingBytes === 0)
    expect(await filesOf(dir.path)).toEqual([])
  })

  test('damaged lines are put aside, and what is around them is delivered', async () => {
    await using dir = await temporaryDirectory()
    const path = await leaveBehind(dir.path, records(3))
    const [first = '', ...rest] = (await readFile(path, 'utf8')).split('\n')
    await writeFile(path, [first, '\0\0\0', '{"id":"no record"}', ...rest].join('\n'))
    await using opened = await openSpool(dir.path)
    await eventually(() => opened.store.records.size === 3)
    await eventually(() => opened.spooled.waitingBytes === 0)
    expect(opened.store.targets).toEqual(['r-0', 'r-1', 'r-2'])
    const [refused = ''] = await filesOf(dir.path)
    expect(await readFile(join(dir.path, 'spool', refused), 'utf8')).toBe('\0\0\0\n{"id":"no record"}\n')
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
})

describe('limit', () => {
  test('a full spool refuses reservations with audit_unavailable, keeps what was let in, and opens again', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path, {
      store: downStore(),
      limitBytes: 4000,
      segmentBytes: 1000,
    })
    const { spooled, store } = opened
    const log = new AuditLog({
      store: spooled,
      clock: systemClock,
      random: () => 1,
      logger: silentLogger,
      queueLimit: 100,
    })
    for (let place = 0; place < 20; place += 1) log.reserve()
    for (const record of records(20)) log.record(record)
    await log.durable()
    expect(spooled.isFull()).toBe(true)
    expect(() => log.reserve()).toThrow(expect.objectContaining({ code: 'audit_unavailable' }))
    store.isDown = false
    await eventually(() => store.records.size === 20)
    await eventually(() => !spooled.isFull())
    expect(() => log.reserve()).not.toThrow()
    await log.close(1000)
  })

  test('a folder that cannot be written fails the write, and a later one succeeds', async () => {
    await using dir = await temporaryDirectory()
    await using opened = await openSpool(dir.path)
    const { spooled, store } = opened
    await rm(join(dir.path, 'spool'), { recursive: true })
    await expect(spooled.write(records(1, 'lost'))).rejects.toThrow('ENOENT')
    await mkdir(join(dir.path, 'spool'))
    await spooled.write(records(1, 'kept'))
    await eventually(() => store.targets.includes('kept-0'))
  })

  test('delivers what is left when it closes, and leaves it on disk when the store hangs', async () => {
    await using dir = await temporaryDirectory()
    await using up = await openSpool(dir.path, { deliverOnCloseMs: 5000, batchSize: 10 })
    await up.spooled.write(records(100))
    await up.spooled.close()
    expect(up.store.deliveries).toBe(100)
    expect(await filesOf(dir.path)).toEqual([])
    await using hanging = await openSpool(dir.path)
    hanging.store.write = () => new Promise(() => {})
    await hanging.spooled.write(records(1))
    await hanging.spooled.close()
    expect(await filesOf(dir.path)).toHaveLength(1)
  })

  test('takes nothing more once it is closed, however often, and closes the store behind it', async () => {
    await using dir = await temporaryDirectory()
    const { spooled, store, ...rest } = await openSpool(dir.path)
    await Promise.all([spooled.close(), spooled.close()])
    expect(store.isClosed).toBe(true)
    await expect(spooled.write(records(1))).rejects.toThrow('the audit store is closed')
    await rest[Symbol.asyncDispose]()
  })
})

describe('digests', () => {
  test('a thread that is closed fails, and records that have their digest do not need one', async () => {
    const digests = new DigestThread({ key: KEY })
    const stored = await digests.digested([usageRecord()])
    await Promise.all([digests.close(), digests.close()])
    await expect(digests.digested([usageRecord()])).rejects.toThrow('the digest thread is closed')
    expect(await digests.digested(stored)).toEqual(stored)
  })

  test('what is under way when the thread is closed fails', async () => {
    const digests = new DigestThread({ key: KEY })
    const failed = digests.digested([usageRecord()]).catch((error: unknown) => error)
    await digests.close()
    expect(await failed).toEqual(new Error('the digest thread ended'))
  })
})
