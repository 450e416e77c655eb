import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditLog } from '../../src/audit/audit-log.ts'
import { type AuditOptions, type OpenAudit, openAuditOver } from '../../src/audit/audit-open.ts'
import type { AuditPage, AuditStore } from '../../src/audit/audit-store.ts'
import { recordInLine } from '../../src/audit/record-line.ts'
import type { RecordLines } from '../../src/audit/record-lines.ts'
import { RecordsRefusedError } from '../../src/audit/records-refused.ts'
import type { PendingRecord, StoredRecord } from '../../src/audit/usage-record.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { usageRecord } from '../support/usage-records.ts'

/** A store in memory that can be down, and that refuses some records permanently. */
export class MemoryStore implements AuditStore {
  readonly records = new Map<string, StoredRecord>()
  readonly sizes: number[] = []
  deliveries = 0
  isDown = false
  refuses: ReadonlySet<string> = new Set()

  write(lines: RecordLines): Promise<void> {
    this.sizes.push(lines.count)
    if (this.isDown) return Promise.reject(new Error('store down'))
    const refused: string[] = []
    for (const line of lines.strings()) {
      const record = recordInLine(line)
      if (record === undefined || this.refuses.has(record.target)) refused.push(line)
      else this.#store(record)
    }
    return refused.length > 0 ? Promise.reject(new RecordsRefusedError(refused)) : Promise.resolve()
  }

  query(): Promise<AuditPage> {
    return Promise.resolve({ records: [...this.records.values()] })
  }

  count(): Promise<number> {
    return Promise.resolve(this.records.size)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  get targets(): string[] {
    return targetsOf([...this.records.values()])
  }

  #store(record: StoredRecord): void {
    this.deliveries += 1
    this.records.set(record.id, record)
  }
}

type Opened = { audit: OpenAudit; store: MemoryStore } & AsyncDisposable

/** The usage records over such a store, delivered at once. */
export async function openSpool(
  dataDir: string,
  { store = new MemoryStore(), ...changes }: Partial<AuditOptions> & { store?: MemoryStore } = {},
): Promise<Opened> {
  const audit = await openAuditOver(store, {
    dataDir,
    key: Buffer.alloc(32, 7),
    limitBytes: 1024 * 1024,
    queueLimit: 10_000,
    delayMs: 0,
    closeWaitMs: 50,
    clock: systemClock,
    random: () => 1,
    logger: silentLogger,
    ...changes,
  })
  const dispose = async (): Promise<void> => {
    await audit.log.close(1000)
    await audit.close()
  }
  return { audit, store, [Symbol.asyncDispose]: dispose }
}

/** Records of calls that were in flight together; resolves once they are on disk. */
export async function recorded(log: AuditLog, batch: readonly PendingRecord[]): Promise<void> {
  for (const _ of batch) log.reserve()
  for (const record of batch) log.record(record)
  await log.flush()
}

export function downStore(): MemoryStore {
  const store = new MemoryStore()
  store.isDown = true
  return store
}

export async function filesOf(dir: string, end = '.jsonl'): Promise<string[]> {
  return (await readdir(join(dir, 'spool'))).filter((name) => name.endsWith(end)).toSorted()
}

export function records(count: number, name = 'r'): PendingRecord[] {
  return Array.from({ length: count }, (_, index) => usageRecord({ target: `${name}-${index}` }))
}

export function targetsOf(batch: readonly (PendingRecord | StoredRecord)[]): string[] {
  return batch.map(({ target }) => target)
}

/** Leaves records in the spool of a process that no longer runs. */
export async function leaveBehind(dir: string, batch: readonly PendingRecord[]): Promise<string> {
  await using down = await openSpool(dir, { store: downStore() })
  await recorded(down.audit.log, batch)
  await down.audit.close()
  const [name = ''] = (await filesOf(dir)).slice(-1)
  return join(dir, 'spool', name)
}
