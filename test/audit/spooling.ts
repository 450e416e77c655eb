import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditPage, AuditStore } from '../../src/audit/audit-store.ts'
import { DigestThread } from '../../src/audit/digest/digest-thread.ts'
import { RecordsRefusedError } from '../../src/audit/records-refused.ts'
import { SpooledStore, type SpooledStoreOptions } from '../../src/audit/spool/spooled-store.ts'
import type { PendingRecord, WritableRecord } from '../../src/audit/usage-record.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { usageRecord } from '../support/usage-records.ts'

export const KEY = randomBytes(32)

/** A store in memory that can be down, and that refuses some records for good. */
export class MemoryStore implements AuditStore {
  readonly records = new Map<string, WritableRecord>()
  readonly sizes: number[] = []
  deliveries = 0
  isDown = false
  isClosed = false
  refuses: ReadonlySet<string> = new Set()

  write(batch: readonly WritableRecord[]): Promise<void> {
    this.sizes.push(batch.length)
    if (this.isDown) return Promise.reject(new Error('store down'))
    const refused = batch.filter(({ target }) => this.refuses.has(target)).map(({ id }) => id)
    for (const record of batch) {
      if (refused.includes(record.id)) continue
      this.deliveries += 1
      this.records.set(record.id, record)
    }
    return refused.length > 0 ? Promise.reject(new RecordsRefusedError(refused)) : Promise.resolve()
  }

  query(): Promise<AuditPage> {
    return Promise.resolve({ records: [] })
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }

  get targets(): string[] {
    return [...this.records.values()].map(({ target }) => target)
  }
}

type Opened = { spooled: SpooledStore; store: MemoryStore } & AsyncDisposable

export async function openSpool(dir: string, changes: Partial<SpooledStoreOptions> = {}): Promise<Opened> {
  const store = changes.store instanceof MemoryStore ? changes.store : new MemoryStore()
  const digests = new DigestThread({ key: KEY })
  const spooled = await SpooledStore.open({
    digests,
    dir,
    limitBytes: 1024 * 1024,
    clock: systemClock,
    random: () => 1,
    logger: silentLogger,
    deliverOnCloseMs: 50,
    ...changes,
    store,
  })
  const dispose = async (): Promise<void> => {
    await spooled.close()
    await digests.close()
  }
  return { spooled, store, [Symbol.asyncDispose]: dispose }
}

export function downStore(): MemoryStore {
  const store = new MemoryStore()
  store.isDown = true
  return store
}

export async function filesOf(dir: string, end = '.jsonl'): Promise<string[]> {
  return (await readdir(join(dir, 'spool'))).filter((name) => name.endsWith(end))
}

export function records(count: number, name = 'r'): PendingRecord[] {
  return Array.from({ length: count }, (_, index) => usageRecord({ target: `${name}-${index}` }))
}

export function targetsOf(batch: readonly WritableRecord[]): string[] {
  return batch.map(({ target }) => target)
}

/** Leaves records in the spool of a process that no longer runs. */
export async function leaveBehind(dir: string, batch: readonly WritableRecord[]): Promise<string> {
  await using down = await openSpool(dir, { store: downStore() })
  await down.spooled.write(batch)
  await down.spooled.close()
  const [name = ''] = await filesOf(dir)
  return join(dir, 'spool', name)
}
