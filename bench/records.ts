/**
 * What a usage record costs: processor time of the whole process for each record, from its place in the queue until it
 * is in SQLite, with callers that each wait for one record before the next.
 * `node bench/records.ts [records]`
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openAudit } from '../src/audit/audit-open.ts'
import { systemClock } from '../src/domain/clock.ts'
import { newRecordId } from '../src/audit/record-id.ts'
import { Lifecycle } from '../src/lifecycle.ts'
import { createLogger } from '../src/telemetry/logger.ts'
import { temporaryDirectory } from '../test/support/temporary-directory.ts'
import { usageRecord } from '../test/support/usage-records.ts'

const WARM_UP = 3000
/** More than any write takes: callers that do not wait would leave the event loop no turn to write in. */
const WAIT_MS = 60_000
const records = Number(process.argv[2] ?? 20_000)
await using dir = await temporaryDirectory()
const dataDir = join(dir.path, 'data')
const template = usageRecord({ atMs: Date.now() })

for (const callers of [1, 8, 32]) {
  const lifecycle = new Lifecycle({ clock: systemClock })
  const audit = await openAudit(
    {
      dataDir,
      auditQueueLimit: 10_000,
      auditRetentionDays: 90,
      auditSpoolMaxBytes: 64 * 1024 * 1024,
      auditDigestKey: undefined,
      auditDigestKeyPrevious: undefined,
      auditSigningKey: undefined,
      auditSigningKeyPrevious: undefined,
    },
    {
      firestore: undefined,
      lifecycle,
      clock: systemClock,
      random: Math.random,
      logger: createLogger({ level: 'warn', format: 'json' }),
    },
  )
  const run = async (count: number): Promise<void> => {
    let begun = 0
    const callInTurn = async (): Promise<void> => {
      while (begun < count) {
        begun += 1
        audit.log.reserve()
        // All callers have begun before the first one records: others are in flight, as they are in a gateway.
        await Promise.resolve()
        audit.log.record({ ...template, id: newRecordId(template.atMs) })
        await audit.log.flushWithin(WAIT_MS)
      }
    }
    await Promise.all(Array.from({ length: callers }, callInTurn))
    while (audit.spool().waitingBytes > 0) await audit.query({ tenantId: 'acme', limit: 1 })
  }
  await run(WARM_UP)
  const [before, cpuBefore] = [performance.now(), process.cpuUsage()]
  await run(records)
  const { user, system } = process.cpuUsage(cpuBefore)
  const elapsedMs = performance.now() - before
  const each = ((user + system) / records).toFixed(1)
  const perSecond = Math.round((records / elapsedMs) * 1000)
  process.stdout.write(`${callers} callers: ${each} us of processor time each, ${perSecond} records/s\n`)
  await lifecycle.close(5000)
  await rm(dataDir, { recursive: true })
}
