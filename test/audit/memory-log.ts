import { AuditLog, type AuditLogOptions } from '../../src/audit/audit-log.ts'
import { recordInLine } from '../../src/audit/record-line.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { usageRecord } from '../support/usage-records.ts'

/** A spool in memory that can be made to fail, to wait or to be full. */
export class MemorySpool {
  /** Targets of the records of each write. */
  readonly writes: string[][] = []
  readonly ids = new Set<string>()
  failures = 0
  held: Promise<void> | undefined
  running = 0
  mostRunning = 0
  hasRoom = true

  get isFull(): boolean {
    return !this.hasRoom
  }

  async append(lines: Buffer): Promise<void> {
    this.running += 1
    this.mostRunning = Math.max(this.mostRunning, this.running)
    await this.held
    this.running -= 1
    const records = lines
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => recordInLine(line))
    this.writes.push(records.map((record) => record?.target ?? 'damaged'))
    if (this.failures > 0) {
      this.failures -= 1
      throw new Error('disk full')
    }
    for (const record of records) this.ids.add(record?.id ?? 'damaged')
  }
}

/** A log over such a spool, which writes as soon as something is recorded. */
export function logOf(changes: Partial<AuditLogOptions> = {}): {
  log: AuditLog
  spool: MemorySpool
  clock: FakeClock
} {
  const spool = new MemorySpool()
  const clock = new FakeClock()
  const log = new AuditLog({
    spool,
    digester: { begin: () => () => '0'.repeat(64) },
    clock,
    random: () => 1,
    logger: silentLogger,
    queueLimit: 100,
    defer: (write) => write(),
    ...changes,
  })
  return { log, spool, clock }
}

export function recordAll(log: AuditLog, targets: readonly string[]): void {
  for (const target of targets) {
    log.reserve()
    log.record(usageRecord({ target }))
  }
}
