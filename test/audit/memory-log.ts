import { AuditLog, type AuditLogOptions } from '../../src/audit/audit-log.ts'
import type { AuditPage, AuditStore } from '../../src/audit/audit-store.ts'
import type { PendingRecord } from '../../src/audit/usage-record.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { usageRecord } from '../support/usage-records.ts'

/** A store in memory that can be made to fail or to wait. */
export class MemoryStore implements AuditStore {
  readonly batches: string[][] = []
  readonly ids = new Set<string>()
  failures = 0
  held: Promise<void> | undefined
  running = 0
  mostRunning = 0

  async write(batch: readonly PendingRecord[]): Promise<void> {
    this.running += 1
    this.mostRunning = Math.max(this.mostRunning, this.running)
    await this.held
    this.running -= 1
    this.batches.push(batch.map(({ target }) => target))
    if (this.failures > 0) {
      this.failures -= 1
      throw new Error('store down')
    }
    for (const { id } of batch) this.ids.add(id)
  }

  query(): Promise<AuditPage> {
    return Promise.resolve({ records: [] })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A log over such a store. */
export function logOf(changes: Partial<AuditLogOptions> = {}): {
  log: AuditLog
  store: MemoryStore
  clock: FakeClock
} {
  const store = new MemoryStore()
  const clock = new FakeClock()
  const log = new AuditLog({
    store,
    clock,
    random: () => 1,
    logger: silentLogger,
    queueLimit: 100,
    ...changes,
  })
  return { log, store, clock }
}

export function recordAll(log: AuditLog, targets: readonly string[]): void {
  for (const target of targets) {
    log.reserve()
    log.record(usageRecord({ target }))
  }
}
