import { createHmac } from 'node:crypto'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@jest/globals'
import { type AuditSettings, type OpenAudit, openAudit } from '../../src/audit/audit-open.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { Lifecycle } from '../../src/lifecycle.ts'
import { eventually } from '../support/eventually.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { usageRecord } from '../support/usage-records.ts'
import { recorded } from './spooling.ts'

const QUERY = { tenantId: 'acme', limit: 100 }

async function open(
  dataDir: string,
  changes: Partial<AuditSettings> = {},
): Promise<OpenAudit & AsyncDisposable> {
  const settings = {
    dataDir,
    auditQueueLimit: 1000,
    auditRetentionDays: 36_500,
    auditSpoolMaxBytes: 64 * 1024 * 1024,
    auditDigestKey: undefined,
    auditDigestKeyPrevious: undefined,
    auditSigningKey: undefined,
    auditSigningKeyPrevious: undefined,
    ...changes,
  }
  const lifecycle = new Lifecycle({ clock: systemClock })
  const parts = { clock: systemClock, random: () => 1, logger: silentLogger, lifecycle }
  const audit = await openAudit(settings, { firestore: undefined, ...parts })
  const dispose = async (): Promise<void> => {
    expect(await lifecycle.close(5000)).toEqual([])
  }
  return Object.assign(audit, { [Symbol.asyncDispose]: dispose })
}

test('gives back every field of a record, the arguments only as a keyed digest', async () => {
  await using dir = await temporaryDirectory()
  const { argumentsText, ...record } = usageRecord({ argumentsText: '{ "b": 1, "a": "secret" }' })
  {
    await using audit = await open(dir.path)
    await recorded(audit.log, [{ ...record, argumentsText }])
    const key = Buffer.from((await readFile(join(dir.path, 'audit-digest.key'), 'utf8')).trim(), 'hex')
    const argumentsDigest = createHmac('sha256', key).update('{"a":"secret","b":1}').digest('hex')
    expect(await audit.query(QUERY)).toEqual({ records: [{ ...record, argumentsDigest }] })
    expect(await contents(dir.path)).not.toContain('secret')
  }
  expect(await contents(dir.path)).not.toContain('secret')
  expect(await readdir(join(dir.path, 'spool'))).toEqual([])
})

test('keeps records and digests across restarts', async () => {
  await using dir = await temporaryDirectory()
  for (let start = 0; start < 2; start += 1) {
    await using audit = await open(dir.path)
    await recorded(audit.log, [usageRecord()])
  }
  await using audit = await open(dir.path)
  const { records } = await audit.query(QUERY)
  expect(records).toHaveLength(2)
  expect(records[0]?.argumentsDigest).toBe(records[1]?.argumentsDigest)
})

test('stores a record once that is in the spool twice', async () => {
  await using dir = await temporaryDirectory()
  await using audit = await open(dir.path)
  const record = usageRecord({ target: 'first' })
  await recorded(audit.log, [record, { ...record, target: 'changed' }])
  const { records } = await audit.query(QUERY)
  expect(records.map(({ target }) => target)).toEqual(['first'])
})

test('stores numbers that are none as 0, so that they keep no other record out', async () => {
  await using dir = await temporaryDirectory()
  await using audit = await open(dir.path)
  await recorded(audit.log, [
    usageRecord({ durationMs: Number.NaN, requestBytes: Infinity, responseBytes: 1.4 }),
  ])
  const { records } = await audit.query(QUERY)
  expect(records).toMatchObject([{ durationMs: 0, requestBytes: 0, responseBytes: 1 }])
})

test('calls are answered while the database is locked, and their records are in it afterwards', async () => {
  await using dir = await temporaryDirectory()
  await using audit = await open(dir.path)
  const other = new DatabaseSync(join(dir.path, 'audit.db'))
  other.exec('BEGIN IMMEDIATE')
  await recorded(audit.log, [usageRecord()])
  other.exec('COMMIT')
  other.close()
  const { records } = await eventually(async () => {
    const page = await audit.query(QUERY)
    return page.records.length > 0 && page
  })
  expect(records).toHaveLength(1)
})

test('makes digests with the key of the settings, if there is one', async () => {
  await using dir = await temporaryDirectory()
  await using audit = await open(dir.path, { auditDigestKey: 'ab'.repeat(32) })
  await recorded(audit.log, [usageRecord({ argumentsText: '{}' })])
  const { records } = await audit.query(QUERY)
  const argumentsDigest = createHmac('sha256', Buffer.alloc(32, 0xab)).update('{}').digest('hex')
  expect(records).toMatchObject([{ argumentsDigest }])
})

test('lets no further call in once it is closed, and nothing be read', async () => {
  await using dir = await temporaryDirectory()
  const audit = await open(dir.path)
  await audit[Symbol.asyncDispose]()
  expect(() => audit.log.reserve()).toThrow(expect.objectContaining({ code: 'audit_unavailable' }))
  await expect(audit.query(QUERY)).rejects.toThrow('the audit store is closed')
})

test('refuses a key that is damaged or that other users can read', async () => {
  await using dir = await temporaryDirectory()
  const key = join(dir.path, 'audit-digest.key')
  await writeFile(key, 'short', { mode: 0o600 })
  await expect(open(dir.path)).rejects.toThrow(/is not an audit digest key/)
  await chmod(key, 0o644)
  await expect(open(dir.path)).rejects.toThrow(/can be read by other users/)
})

/** Everything in the files of a folder and of those in it. */
async function contents(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = await Promise.all(
    files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')),
  )
  return texts.join()
}
