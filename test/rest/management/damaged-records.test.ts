import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { SqliteDatabase } from '../../../src/audit/sqlite/sqlite-database.ts'
import { gatewayChecks } from '../../../src/cli/diagnosis/gateway-checks.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { damageRecords } from '../../support/damaged-database.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { openTestApp } from '../../support/test-app.ts'
import { recordBytes, usageRecord } from '../../support/usage-records.ts'

interface Logged {
  readonly message: string
  readonly reason: string
}

/** A logger that keeps its errors. */
function keeping(logged: Logged[]): Logger {
  const error = ({ err }: { err: Error }, message: string): void =>
    void logged.push({ message, reason: err.message })
  return { ...silentLogger, error } as unknown as Logger
}

test('what reads the records of a damaged database is audit_unavailable, the log names the file and the page about it, and the gateway is ready and says that records wait', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  const database = new SqliteDatabase(path)
  database.write(recordBytes([usageRecord({ tenantId: 'local', subject: 'ann' })]))
  database.close()
  await damageRecords(path)
  const logged: Logged[] = []
  const app = await openTestApp({}, { env: { DATA_DIR: dir.path }, logger: keeping(logged) })
  try {
    const token = await app.token({ roles: ['auditor', 'operator'] })
    const answers = await Promise.all([
      app.rest(token, 'GET', '/v1/audit'),
      app.rest(token, 'GET', '/v1/audit?subject=ann'),
      app.rest(token, 'GET', '/v1/tenant'),
      app.rest(token, 'DELETE', '/v1/audit/persons/ann'),
    ])
    for (const { status, body } of answers)
      expect({ status, body }).toMatchObject({
        status: 503,
        body: {
          code: 'audit_unavailable',
          detail: 'The usage records cannot be read; the log of the gateway says why',
        },
      })
    expect(logged).toContainEqual({
      message: 'usage records could not be read or erased',
      reason: `${path} is damaged (database disk image is malformed): put a backup in its place, see docs/backup.md`,
    })
    expect(logged.map(({ message }) => message)).not.toContain('request failed in the gateway')
    await app.rest(token, 'DELETE', '/v1/caches')
    await eventually(() =>
      logged.some(
        ({ message, reason }) =>
          message === 'usage records could not be delivered; they stay in the spool' &&
          reason.startsWith(`${path} is damaged`),
      ),
    )
    const ready = await fetch(`${app.url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ready', missing: [], stale: ['records'] },
    ])
    const findings = await gatewayChecks({ url: app.url, sent: () => Promise.reject(new Error('not asked')) })
    expect(findings).toContainEqual({
      check: 'gateway',
      state: 'warning',
      text: 'the store takes no usage records; they wait on the disk',
      remedy: 'See its log.',
    })
  } finally {
    await app.close()
  }
})
