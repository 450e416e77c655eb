import { argumentsDigest } from '../../src/audit/digest/arguments-digest.ts'
import { newRecordId } from '../../src/audit/record-id.ts'
import { lineOf } from '../../src/audit/record-line.ts'
import { RecordLines } from '../../src/audit/record-lines.ts'
import { storedRecord } from '../../src/audit/stored-record.ts'
import type { PendingRecord, StoredRecord } from '../../src/audit/usage-record.ts'

/** An allowed and successful call, with what a test wants to be different. */
export function usageRecord(changes: Partial<PendingRecord> = {}): PendingRecord {
  const atMs = changes.atMs ?? Date.parse('2026-01-01T00:00:00Z')
  return {
    id: newRecordId(atMs),
    atMs,
    tenantId: 'acme',
    subject: 'ada',
    agent: 'planner',
    face: 'rest',
    sessionId: null,
    requestId: 'r-1',
    action: 'call',
    target: 'files_read',
    server: 'files',
    instance: 'files-1',
    effect: 'allow',
    ruleId: 'allow',
    outcome: 'ok',
    code: null,
    durationMs: 1.5,
    requestBytes: 20,
    responseBytes: 300,
    argumentsText: '{"path":"a.txt"}',
    ...changes,
  }
}

const digestOf = argumentsDigest(Buffer.alloc(32, 7))

/** The record as stores give it back. */
export function asStored(record: PendingRecord): StoredRecord {
  return storedRecord(record, digestOf(record.argumentsText))
}

/** What stores take. */
export function recordLines(records: readonly PendingRecord[]): RecordLines {
  return RecordLines.of(linesOf(records))
}

/** What the database takes. */
export function recordBytes(records: readonly PendingRecord[]): Buffer {
  return Buffer.from(recordLines(records).copy())
}

/** The lines of records, without newlines. */
export function linesOf(records: readonly PendingRecord[]): string[] {
  return records.map((record) => lineOf(asStored(record)))
}
