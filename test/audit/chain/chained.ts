import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ChainEntry } from '../../../src/audit/chain/chain-entries.ts'
import { KEY_NAME, signedCheckpoint } from '../../../src/audit/chain/checkpoint.ts'
import type { Verification } from '../../../src/audit/chain/findings.ts'
import { noteSigner } from '../../../src/audit/chain/note.ts'
import { verifyChains, type VerifyOptions } from '../../../src/audit/chain/verify.ts'
import { SqliteDatabase } from '../../../src/audit/sqlite/sqlite-database.ts'
import type { PendingRecord } from '../../../src/audit/usage-record.ts'
import { recordBytes, usageRecord } from '../../support/usage-records.ts'

export const AT = Date.parse('2026-01-01T00:00:00Z')
export const SIGNER = noteSigner(KEY_NAME, Buffer.alloc(32, 1))
export const OTHER_SIGNER = noteSigner(KEY_NAME, Buffer.alloc(32, 2))
const DAY_MS = 86_400_000

/** A database of records that are ten seconds apart, with a checkpoint after every tenth. */
export class ChainedDatabase {
  readonly #path: string
  readonly #database: SqliteDatabase

  constructor(dir: string) {
    this.#path = join(dir, 'audit.db')
    this.#database = new SqliteDatabase(this.#path)
  }

  /** Stores records up to a number, the ids of which are `r1` and so on. */
  fill(from: number, to: number, changes: (seq: number) => Partial<PendingRecord> = () => ({})): void {
    let records: PendingRecord[] = []
    for (let seq = from; seq <= to; seq += 1) {
      const given = { id: `r${seq}`, atMs: AT + seq * 10_000, target: `files_${seq}`, ...changes(seq) }
      records.push(usageRecord(given))
      if (seq % 10 !== 0 && seq !== to) continue
      this.#database.write(recordBytes(records))
      records = []
      if (seq % 10 === 0) this.sign(AT + seq * 10_000 + 10)
    }
  }

  /** Signs where the chain stands. */
  sign(atMs: number, { signer = SIGNER, isLast = false, retentionDays = 90 } = {}): string {
    const head = this.#database.chain.open(AT)
    const checkpoint = signedCheckpoint({ ...head, beganMs: AT, atMs, retentionDays, isLast }, [signer])
    this.#database.chain.addCheckpoint(checkpoint)
    return checkpoint.note
  }

  /** Does what somebody with the file can do. */
  tamper(sql: string): void {
    const database = new DatabaseSync(this.#path)
    database.exec(sql)
    database.close()
  }

  deleteBefore(beforeMs: number): void {
    this.#database.deleteBefore(beforeMs)
  }

  entries(): ChainEntry[] {
    return [...this.#database.chain.entries()]
  }

  verify(options: Partial<VerifyOptions> = {}): Promise<Verification> {
    return verifyChains(this.#database.chain.entries(), {
      verifierKeys: [SIGNER.verifierKey],
      nowMs: AT + DAY_MS,
      ...options,
    })
  }

  close(): void {
    this.#database.close()
  }
}

/** What was found, in the fewest words. */
export async function faultsOf(verified: Promise<Verification>): Promise<string[]> {
  const { findings } = await verified
  return findings.map(({ fault, seq, lastSeq, id }) =>
    [fault, seq, lastSeq === seq ? undefined : lastSeq && `-${lastSeq}`, id]
      .filter((part) => part !== undefined)
      .join(' '),
  )
}
