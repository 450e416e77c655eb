import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { ChainedRecord, ChainEntry, OpenChain } from '../chain/chain-entries.ts'
import type { Checkpoint } from '../chain/checkpoint.ts'
import { type ChainHead, emptyChain } from '../chain/link.ts'

/** The chain of the records in a database: where it stands, its checkpoints, and all of it in order. */
export class SqliteChain {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Where the chain stands; it begins at the first use. */
  open(nowMs: number): OpenChain {
    const row = this.#database.prepare('SELECT writer, seq, hash, began_ms FROM audit_chain').get()
    if (row !== undefined) return { ...headIn(row), beganMs: Number(row['began_ms']) }
    const head = emptyChain(randomUUID())
    this.#database
      .prepare('INSERT INTO audit_chain (writer, seq, hash, began_ms) VALUES (?, ?, ?, ?)')
      .run(head.writer, head.seq, head.hash, nowMs)
    return { ...head, beganMs: nowMs }
  }

  /** The chain has grown; in the transaction that stores its records. */
  move({ writer, seq, hash }: ChainHead): void {
    this.#database.prepare('UPDATE audit_chain SET seq = ?, hash = ? WHERE writer = ?').run(seq, hash, writer)
  }

  /** Keeps a checkpoint, in place of an earlier one of the same number. */
  addCheckpoint({ writer, seq, atMs, note }: Checkpoint): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO audit_checkpoints (writer, seq, at_ms, note) VALUES (?, ?, ?, ?)')
      .run(writer, seq, atMs, note)
  }

  /** Number of the last record that a checkpoint from before a time covers: all up to it are older. */
  lastSignedBefore(beforeMs: number): number {
    const row = this.#database
      .prepare('SELECT max(seq) AS seq FROM audit_checkpoints WHERE at_ms < ?')
      .get(beforeMs)
    return Number(row?.['seq'] ?? 0)
  }

  /** Forgets checkpoints of records that were deleted, but the last one, after which the rest follows. */
  forgetBefore(seq: number): void {
    this.#database.prepare('DELETE FROM audit_checkpoints WHERE seq < ?').run(seq)
  }

  /** All records of the chain and all checkpoints, in order; records of no chain come first. */
  *entries(): Generator<ChainEntry> {
    const writer = String(this.#database.prepare('SELECT writer FROM audit_chain').get()?.['writer'])
    const before = this.#database.prepare('SELECT id, at_ms, record FROM usage_records WHERE seq IS NULL')
    for (const row of before.iterate())
      yield {
        kind: 'unchained',
        id: String(row['id']),
        atMs: Number(row['at_ms']),
        text: String(row['record']),
      }
    const records = this.#database.prepare(
      'SELECT id, tenant_id, at_ms, seq, salt, hash, record FROM usage_records WHERE seq IS NOT NULL ORDER BY seq',
    )
    const checkpoints = this.#database
      .prepare('SELECT writer, seq, at_ms, note FROM audit_checkpoints ORDER BY writer, seq')
      .iterate()
    let waiting = checkpoints.next()
    const checkpointsBefore = function* (seq: number): Generator<ChainEntry> {
      while (waiting.done !== true && Number(waiting.value['seq']) < seq) {
        yield checkpointIn(waiting.value)
        waiting = checkpoints.next()
      }
    }
    for (const row of records.iterate()) {
      const seq = Number(row['seq'])
      yield* checkpointsBefore(seq)
      yield { kind: 'record', writer, ...chainedRecordOf(row) }
    }
    yield* checkpointsBefore(Infinity)
  }
}

type Row = Record<string, unknown>

function headIn(row: Row): ChainHead {
  return { writer: String(row['writer']), seq: Number(row['seq']), hash: String(row['hash']) }
}

function chainedRecordOf(row: Row): Omit<ChainedRecord, 'writer'> {
  const { id, tenant_id: tenantId, at_ms: atMs, seq, salt, hash, record } = row
  return {
    seq: Number(seq),
    salt: typeof salt === 'string' ? salt : null,
    hash: String(hash),
    place: { id: String(id), tenantId: String(tenantId), atMs: Number(atMs) },
    text: String(record),
  }
}

function checkpointIn(row: Row): ChainEntry {
  const { writer, seq, at_ms: atMs, note } = row
  return {
    kind: 'checkpoint',
    writer: String(writer),
    seq: Number(seq),
    atMs: Number(atMs),
    note: String(note),
  }
}
