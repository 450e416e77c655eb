import { type DocumentData, Timestamp } from '@google-cloud/firestore'
import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import type { Linked } from '../chain/chain.ts'
import { recordText } from '../chain/record-text.ts'
import { recordInLine } from '../record-line.ts'
import { type ReadRecord, readRecord } from '../read-record.ts'
import type { StoredRecord } from '../usage-record.ts'

/** The collection of the records. */
export const RECORDS = 'tool_usage'
/** The collection of the checkpoints of their chains. */
export const CHECKPOINTS = 'audit_checkpoints'

/** What a document has of its chain. */
export interface DocumentLink {
  readonly writer: string
  readonly seq: number
  readonly salt: string | null
  readonly hash: string
}

/** The record of a line as Firestore takes it, and its text; undefined if it is none. */
export function storableRecord(line: string): { record: StoredRecord; text: string } | undefined {
  const record = recordInLine(line)
  if (record === undefined) return undefined
  const fields = Object.entries(record).map(([field, value]) => [field, wellFormed(value)])
  const { record: stored } = readRecord(Object.fromEntries(fields))
  return stored && { record: stored, text: recordText(stored) }
}

/** The document of a record. */
export function documentOf(
  record: StoredRecord,
  writer: string,
  { link }: Linked,
  retentionMs: number | undefined,
): DocumentData {
  const { id: _, change, ...fields } = record
  return {
    ...fields,
    // As text: not every JSON value is one of Firestore.
    ...(change !== undefined && { change: JSON.stringify(change) }),
    writer,
    ...link,
    ...(retentionMs !== undefined && { expireAt: Timestamp.fromMillis(fields.atMs + retentionMs) }),
  }
}

/** The record of a Firestore document, or why it is not valid. */
export function recordOfDocument(id: string, document: DocumentData): ReadRecord {
  const change: unknown = document['change']
  const parsed = typeof change === 'string' ? jsonIn(change) : undefined
  return readRecord({ ...document, id, ...(isJsonObject(parsed) && { change: parsed }) })
}

/** The place of a document in a chain; undefined if it has none. */
export function linkIn({ writer, seq, salt, hash }: DocumentData): DocumentLink | undefined {
  if (typeof writer !== 'string' || typeof seq !== 'number' || typeof hash !== 'string') return undefined
  return { writer, seq, salt: typeof salt === 'string' ? salt : null, hash }
}

/** Half a surrogate pair, which cutting a text can leave, is not valid UTF-8. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  return Array.isArray(value) ? value.map(wellFormed) : value
}
