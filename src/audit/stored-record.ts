import type { PendingRecord, StoredRecord } from './usage-record.ts'

/**
 * The record as it is stored: the digest in the place of the arguments, and numbers that every store takes, because one
 * odd number must not keep a whole batch from being stored.
 */
export function storedRecord(pending: PendingRecord, argumentsDigest: string): StoredRecord {
  const { argumentsText: _, ...record } = pending
  return {
    ...record,
    atMs: whole(record.atMs),
    durationMs: Number.isFinite(record.durationMs) ? record.durationMs : 0,
    requestBytes: whole(record.requestBytes),
    responseBytes: whole(record.responseBytes),
    argumentsDigest,
  }
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.round(value) : 0
}
