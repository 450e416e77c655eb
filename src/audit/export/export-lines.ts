import type { ChainEntry } from '../chain/chain-entries.ts'
import { recordInLine } from '../record-line.ts'
import { cefLine } from './cef.ts'
import { entryLine, headerLine, recordOfEntry } from './export-file.ts'
import { ocsfEvent } from './ocsf.ts'
import { type ExportFilter, isPartial, isSelected, selected } from './selection.ts'

/** What is exported, and how. */
export interface ExportPlan {
  readonly filter: ExportFilter
  /** `jsonl` has the chain and can be verified; the others are for systems that have their own format. */
  readonly format: 'jsonl' | 'ocsf' | 'cef'
  /** Keys of checkpoints. */
  readonly keys: readonly string[]
  readonly nowMs: number
}

/** The lines of an export, one after the other, in memory that does not grow with their number. */
export async function* exportLines(
  entries: AsyncIterable<ChainEntry> | Iterable<ChainEntry>,
  { filter, format, keys, nowMs }: ExportPlan,
): AsyncGenerator<string, void> {
  if (format !== 'jsonl') {
    yield* recordLines(entries, filter, format)
    return
  }
  const exportedAt = new Date(nowMs).toISOString()
  yield headerLine({ exportedAt, keys, ...(isPartial(filter) && { filter: { ...filter } }) })
  for await (const entry of isPartial(filter) ? selected(entries, filter, recordInLine) : entries)
    yield entryLine(entry)
}

async function* recordLines(
  entries: AsyncIterable<ChainEntry> | Iterable<ChainEntry>,
  filter: ExportFilter,
  format: 'ocsf' | 'cef',
): AsyncGenerator<string> {
  for await (const entry of entries) {
    const record = recordOfEntry(entry)
    if (record === undefined || !isSelected(filter, record)) continue
    yield format === 'cef' ? cefLine(record, entry) : JSON.stringify(ocsfEvent(record, entry))
  }
}
