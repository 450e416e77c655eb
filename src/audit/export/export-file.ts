import { isJsonObject, type JsonObject, jsonIn } from '../../domain/json/json.ts'
import type { ChainEntry } from '../chain/chain-entries.ts'
import { recordInLine } from '../record-line.ts'

const VERSION = 1

/** The first line of an export. */
export interface ExportHeader {
  readonly exportedAt: string
  /** Keys of checkpoints, as the installation that exported knows them. */
  readonly keys: readonly string[]
  /** What was exported, where it is not everything. */
  readonly filter?: JsonObject
}

/** The header as a line. */
export function headerLine(header: ExportHeader): string {
  return JSON.stringify({ type: 'export', version: VERSION, ...header })
}

/** An entry as a line: JSON that `entryIn` reads. */
export function entryLine(entry: ChainEntry): string {
  if (entry.kind === 'record') {
    const { writer, seq, salt, hash, text } = entry
    // Without a record that is no longer JSON the hash does not match, which a verification detects.
    return JSON.stringify({ type: 'record', writer, seq, salt, hash, record: jsonIn(text) ?? {} })
  }
  if (entry.kind === 'unchained') {
    const value = jsonIn(entry.text)
    const { crc: _, ...record } = isJsonObject(value) ? value : {}
    return JSON.stringify({ type: 'unchained', record })
  }
  const { kind: type, ...rest } = entry
  return JSON.stringify({ type, ...rest })
}

/** The header of an export; undefined if the line is none. */
export function headerIn(line: string): ExportHeader | undefined {
  const value = jsonIn(line)
  if (!isJsonObject(value) || value['type'] !== 'export' || value['version'] !== VERSION) return undefined
  const { exportedAt, keys, filter } = value
  const known = Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : []
  return { exportedAt: String(exportedAt), keys: known, ...(isJsonObject(filter) && { filter }) }
}

/** The entry of a line; undefined if it is none. */
export function entryIn(line: string): ChainEntry | undefined {
  const value = jsonIn(line)
  if (!isJsonObject(value)) return undefined
  const { type: kind, record } = value
  if (kind !== 'unchained') return chainedIn(value)
  if (!isJsonObject(record)) return undefined
  return { kind, id: String(record['id']), atMs: Number(record['atMs']), text: JSON.stringify(record) }
}

function chainedIn(value: JsonObject): ChainEntry | undefined {
  const { type: kind, writer, seq, hash, salt, note, record: found } = value
  if (typeof writer !== 'string' || typeof seq !== 'number' || !Number.isSafeInteger(seq)) return undefined
  if (kind === 'checkpoint')
    return typeof note === 'string' ? { kind, writer, seq, atMs: Number(value['atMs']), note } : undefined
  if (typeof hash !== 'string') return undefined
  if (kind === 'omitted') return { kind, writer, firstSeq: Number(value['firstSeq']), seq, hash }
  if (kind !== 'record' || !isJsonObject(found)) return undefined
  const link = { writer, seq, hash, salt: typeof salt === 'string' ? salt : null }
  return { kind, ...link, text: JSON.stringify(found), value: found }
}

/** The record of an entry, for formats that contain only records. */
export function recordOfEntry(entry: ChainEntry): ReturnType<typeof recordInLine> {
  return entry.kind === 'record' || entry.kind === 'unchained' ? recordInLine(entry.text) : undefined
}
