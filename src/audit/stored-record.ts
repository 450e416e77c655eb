import type { StoredRecord } from './usage-record.ts'

/** The record with numbers that every store takes: one odd number must not keep a whole batch from being stored. */
export function withStorableNumbers(record: StoredRecord): StoredRecord {
  return {
    ...record,
    atMs: whole(record.atMs),
    durationMs: Number.isFinite(record.durationMs) ? record.durationMs : 0,
    requestBytes: whole(record.requestBytes),
    responseBytes: whole(record.responseBytes),
  }
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.round(value) : 0
}
