import type { ChainEntry } from '../chain/chain-entries.ts'
import type { StoredRecord } from '../usage-record.ts'
import { recordOfEntry } from './export-file.ts'
import { type ExportFilter, isSelected } from './selection.ts'

/** What use is summed up by. */
export type UsageKey = 'tenant' | 'tool' | 'server' | 'subject' | 'agent'

/** The use of one of them. */
export interface UsageRow {
  readonly tenantId: string
  readonly name: string
  readonly calls: number
  /** Calls that ended with an error, also of the tool itself. */
  readonly failed: number
  readonly denied: number
  readonly requestBytes: number
  readonly responseBytes: number
}

const FIELDS = {
  tenant: 'tenantId',
  tool: 'target',
  server: 'server',
  subject: 'subject',
  agent: 'agent',
} as const
const FAILED: ReadonlySet<string> = new Set(['error', 'tool_error', 'unknown'])
/** Beyond this many names the rest counts as one: callers may name what is not there. */
const MAX_ROWS = 100_000
const REST = '(other)'

/** Sums up calls, those with the most calls first. Administrative acts are no calls. */
export async function usageBy(
  entries: AsyncIterable<ChainEntry> | Iterable<ChainEntry>,
  by: UsageKey,
  filter: ExportFilter,
): Promise<UsageRow[]> {
  const rows = new Map<string, UsageRow>()
  for await (const entry of entries) {
    const record = recordOfEntry(entry)
    if (record === undefined || record.outcome === 'changed' || !isSelected(filter, record)) continue
    if (by === 'tool' && record.action !== 'call') continue
    const known = record[FIELDS[by]] ?? ''
    const name = rows.size < MAX_ROWS || rows.has(keyOf(record, known)) ? known : REST
    const key = keyOf(record, name)
    rows.set(key, added(rows.get(key) ?? emptyRow(record.tenantId, name), record))
  }
  return [...rows.values()].toSorted((a, b) => b.calls - a.calls)
}

function keyOf({ tenantId }: StoredRecord, name: string): string {
  return JSON.stringify([tenantId, name])
}

function emptyRow(tenantId: string, name: string): UsageRow {
  return { tenantId, name, calls: 0, failed: 0, denied: 0, requestBytes: 0, responseBytes: 0 }
}

function added(row: UsageRow, { outcome, requestBytes, responseBytes }: StoredRecord): UsageRow {
  return {
    ...row,
    calls: row.calls + 1,
    failed: row.failed + (FAILED.has(outcome) ? 1 : 0),
    denied: row.denied + (outcome === 'denied' ? 1 : 0),
    requestBytes: row.requestBytes + requestBytes,
    responseBytes: row.responseBytes + responseBytes,
  }
}
