import type { ChainedRecord, ChainEntry } from '../chain/chain-entries.ts'
import type { StoredRecord } from '../usage-record.ts'

/** Which records are exported; all by default. */
export interface ExportFilter {
  readonly tenantId?: string | undefined
  readonly subject?: string | undefined
  /** Attempts at or after this time, in milliseconds since the epoch. */
  readonly from?: number | undefined
  /** Attempts before this time. */
  readonly to?: number | undefined
}

/** Whether a filter leaves anything out. */
export function isPartial(filter: ExportFilter): boolean {
  return Object.values(filter).some((value) => value !== undefined)
}

/** Whether a filter selects a record. */
export function isSelected({ tenantId, subject, from, to }: ExportFilter, record: StoredRecord): boolean {
  return (
    (tenantId === undefined || record.tenantId === tenantId) &&
    (subject === undefined || record.subject === subject) &&
    (from === undefined || record.atMs >= from) &&
    (to === undefined || record.atMs < to)
  )
}

/**
 * The entries of the selected records, and what is needed to verify them: for the records between them the last hash,
 * and the first checkpoint behind each run of them.
 * @param recordInLine the record of a text; undefined for what is none
 */
export async function* selected(
  entries: AsyncIterable<ChainEntry> | Iterable<ChainEntry>,
  filter: ExportFilter,
  recordInLine: (text: string) => StoredRecord | undefined,
): AsyncGenerator<ChainEntry> {
  const skips = new Skips()
  for await (const entry of entries) {
    if (entry.kind === 'omitted') skips.skip(entry)
    else if (entry.kind === 'checkpoint') {
      if (!skips.isAwaited(entry.writer)) continue
      yield* skips.take()
      yield entry
      skips.covered()
    } else {
      const record = recordInLine(entry.text)
      const isWanted = record !== undefined && isSelected(filter, record)
      if (entry.kind === 'unchained') {
        if (isWanted) yield entry
      } else if (isWanted) {
        yield* skips.take()
        yield entry
        skips.wanted(entry)
      } else skips.skip({ ...entry, firstSeq: entry.seq })
    }
  }
}

type Skipped = Extract<ChainEntry, { kind: 'omitted' }>

/** What was left out since the last entry of a chain. */
class Skips {
  #skipped: Skipped | undefined
  #awaiting: string | undefined

  /** Whether records of a writer wait for the checkpoint that covers them. */
  isAwaited(writer: string): boolean {
    return this.#awaiting === writer
  }

  skip({
    writer,
    firstSeq,
    seq,
    hash,
  }: {
    writer: string
    firstSeq: number
    seq: number
    hash: string
  }): void {
    const before = this.#skipped?.writer === writer ? this.#skipped : undefined
    this.#skipped = { kind: 'omitted', writer, firstSeq: before?.firstSeq ?? firstSeq, seq, hash }
  }

  take(): Skipped[] {
    const skipped = this.#skipped
    this.#skipped = undefined
    return skipped === undefined ? [] : [skipped]
  }

  wanted({ writer }: ChainedRecord): void {
    this.#awaiting = writer
  }

  covered(): void {
    this.#awaiting = undefined
  }
}
