import { jsonIn, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ChainedRecord, Omitted } from './chain-entries.ts'
import type { ReadStatement } from './checkpoint.ts'
import type { Finding, VerifiedChain } from './findings.ts'
import { type ChainHead, emptyChain, following } from './link.ts'
import { partsOf } from './record-text.ts'

const DAY_MS = 86_400_000
/** Records of one time come within this of each other, or a tenth of the retention if that is less. */
const SLACK_MS = DAY_MS
/** Records are covered by a checkpoint within seconds: what a killed writer left unsigned is no longer than this. */
const UNSIGNED_MS = 60_000
/** So far back is looked for what a record that was moved, or the one behind it, followed. */
const RECENT = 8

/** Gets what is found, and what the records say that is about others. */
export interface CheckSink {
  readonly find: (finding: Finding) => void
  readonly erased: (place: { writer: string; seq: number; id: string }, by: string) => void
  readonly record: (record: JsonObject) => void
}

/** The times that a verification uses. */
export interface Times {
  /** By which what retention has deleted must be old. */
  readonly retentionMs: number
  /** By which records must be signed. */
  readonly signedMs: number
}

/** A record whose content does not match its hash, until what follows says which of them was changed. */
interface Doubt {
  readonly seq: number
  readonly id: string
  /** The hash that its content has. */
  readonly instead: string | undefined
}

/** Missing records, which retention may have deleted. */
interface Gap {
  readonly finding: Finding
  /** Time of what comes after them. */
  readonly beforeMs: number
}

/** Checks the entries of one writer, one after the other, in memory that does not grow with them. */
export class WriterCheck {
  readonly writer: string
  readonly #sink: CheckSink
  /** Checkpoints that an auditor kept, by number. */
  readonly #remembered: ReadonlyMap<number, ReadStatement>
  #at: ChainHead
  /** The hashes in front of that, the last one first. */
  #before: ChainHead[] = []
  #doubt: Doubt | undefined
  #gaps: Gap[] = []
  #firstSeq = 0
  #records = 0
  #omitted = 0
  #checkpoints = 0
  #signed: ReadStatement | undefined
  /** The first record that is not covered yet. */
  #unsigned: { readonly seq: number; readonly id: string; readonly atMs: number } | undefined
  #newestMs = 0

  constructor(options: {
    writer: string
    sink: CheckSink
    remembered?: ReadonlyMap<number, ReadStatement> | undefined
  }) {
    this.writer = options.writer
    this.#sink = options.sink
    this.#remembered = options.remembered ?? new Map()
    this.#at = emptyChain(options.writer)
  }

  /** The next record of the chain. */
  record(entry: ChainedRecord): void {
    const { hash, text } = entry
    const value = entry.value ?? jsonIn(text)
    const record = isJsonObject(value) ? value : {}
    const id = String(record['id'])
    const atMs = Number(record['atMs'])
    this.#records += 1
    this.#sink.record(record)
    this.#refuseMisplaced(entry, record)
    const seq = this.#numberOf(entry, id)
    if (seq <= this.#at.seq) return this.#again(entry, id)
    const isNext = seq === this.#at.seq + 1
    if (isNext) this.#check(entry, id)
    else this.#missing(seq - 1, atMs)
    this.#move(seq, hash)
    this.#unsigned ??= { seq, id, atMs }
    this.#newestMs = atMs
    const by = partsOf(text)?.erased?.by
    if (by !== undefined) this.#sink.erased({ writer: this.writer, seq, id }, by)
  }

  /** The next records, which are not part of an export. */
  omitted({ firstSeq, seq, hash }: Omitted): void {
    this.#omitted += Math.max(0, seq - firstSeq + 1)
    if (seq <= this.#at.seq) return
    this.#settle(undefined)
    if (firstSeq > this.#at.seq + 1) this.#missing(firstSeq - 1, Infinity)
    this.#move(seq, hash)
  }

  /** The next checkpoint, whose signature is right. */
  checkpoint(statement: ReadStatement): void {
    const { seq, hash } = statement
    this.#checkpoints += 1
    this.#settle(hash)
    if (seq > this.#at.seq) this.#cut(statement)
    else if (seq === this.#at.seq && hash !== this.#at.hash) this.#rewritten(statement)
    // What comes after is measured by what was signed.
    if (seq >= this.#at.seq) this.#move(seq, hash)
    this.#signed = statement
    this.#unsigned = undefined
  }

  /** Nothing follows. */
  end(times: Times): VerifiedChain {
    this.#settle(undefined)
    this.#findGaps(times)
    this.#findUnsigned(times)
    for (const statement of this.#remembered.values())
      if (statement.seq > this.#at.seq) this.#findCut(statement)
    return {
      writer: this.writer,
      records: this.#records,
      omitted: this.#omitted,
      firstSeq: this.#firstSeq,
      lastSeq: this.#at.seq,
      checkpoints: this.#checkpoints,
      signedSeq: this.#signed?.seq ?? 0,
      signedAtMs: this.#signed?.atMs,
      isClosed: this.#signed?.isLast === true,
    }
  }

  /** Which number a record has: the next one if its hash says so, although another one was put in its place. */
  #numberOf(entry: ChainedRecord, id: string): number {
    const { seq, hash } = entry
    const next = this.#at.seq + 1
    if (seq === next || hashAfter(entry)(this.#at) !== hash) return seq
    this.#settle(undefined)
    this.#find({ fault: 'edited', seq: next, id, detail: `its number was replaced by ${seq}` })
    return next
  }

  #check(entry: ChainedRecord, id: string): void {
    const { hash } = entry
    const after = hashAfter(entry)
    const expected = after(this.#at)
    const instead = this.#doubt?.instead
    const followsContent = instead !== undefined && after({ ...this.#at, hash: instead }) === hash
    this.#settle(followsContent ? instead : undefined)
    if (expected !== hash && !followsContent) this.#suspect(entry, id, expected)
  }

  /** A record does not follow the one before it: it was edited, moved, or stands behind one that was moved. */
  #suspect(entry: ChainedRecord, id: string, expected: string | undefined): void {
    const { seq, hash } = entry
    const after = hashAfter(entry)
    const moved = this.#before.find((head) => after(head) === hash)
    if (moved !== undefined)
      return this.#find({ fault: 'reordered', seq, id, detail: `it was number ${moved.seq + 1}` })
    const isBehindMoved = this.#before.some((head) => after({ ...head, seq: seq - 1 }) === hash)
    if (!isBehindMoved) this.#doubt = { seq, id, instead: expected }
  }

  /** What follows a record of which there was doubt: its hash, or what its content says. */
  #settle(follows: string | undefined): void {
    if (this.#doubt === undefined) return
    const { seq, id, instead } = this.#doubt
    this.#doubt = undefined
    const isHash = instead !== undefined && follows === instead
    if (isHash) this.#at = { ...this.#at, hash: instead }
    this.#find(
      isHash
        ? {
            fault: 'hash',
            seq,
            id,
            detail: 'its hash was replaced; its content is what the next one followed',
          }
        : { fault: 'edited', seq, id, detail: 'its content does not match its hash' },
    )
  }

  #move(seq: number, hash: string): void {
    if (this.#firstSeq === 0 && seq > 0) this.#firstSeq = seq
    if (seq > this.#at.seq) this.#before = [this.#at, ...this.#before.slice(0, RECENT - 1)]
    this.#at = { writer: this.writer, seq, hash }
    const remembered = this.#remembered.get(seq)
    if (remembered !== undefined && remembered.hash !== hash) this.#rewritten(remembered)
  }

  #again(entry: ChainedRecord, id: string): void {
    const { seq, hash } = entry
    if (seq < this.#at.seq)
      return this.#find({ fault: 'reordered', seq, id, detail: `it stands behind number ${this.#at.seq}` })
    const [before] = this.#before
    const isRight = before !== undefined && hashAfter(entry)(before) === hash
    if (isRight && this.#doubt?.seq === seq) {
      const detail = 'another record has the same number, and its hash is right'
      this.#find({ fault: 'inserted', seq, id: this.#doubt.id, detail })
      this.#doubt = undefined
      this.#at = { ...this.#at, hash }
      return
    }
    const detail = hash === this.#at.hash ? 'it is there twice' : 'another record has the same number'
    this.#find({ fault: 'inserted', seq, id, detail })
  }

  /** Records up to a number are missing in front of something of a time. */
  #missing(lastSeq: number, beforeMs: number): void {
    const seq = this.#at.seq + 1
    const detail = `${rangeText(seq, lastSeq)} missing`
    this.#doubt = undefined
    this.#gaps.push({ finding: { fault: 'deleted', writer: this.writer, seq, lastSeq, detail }, beforeMs })
  }

  /** A checkpoint covers records that are not there. */
  #cut(statement: ReadStatement): void {
    const seq = this.#at.seq + 1
    const isStart = this.#at.seq === 0
    const fault = isStart ? 'deleted' : 'truncated'
    const detail = `${rangeText(seq, statement.seq)} missing: a checkpoint covers up to number ${statement.seq}`
    const finding = { fault, writer: this.writer, seq, lastSeq: statement.seq, detail } as const
    this.#gaps.push({ finding, beforeMs: statement.atMs })
  }

  #findCut({ seq: lastSeq }: ReadStatement): void {
    const seq = this.#at.seq + 1
    const detail = `${rangeText(seq, lastSeq)} missing: the kept checkpoint covers up to number ${lastSeq}`
    this.#find({ fault: 'truncated', seq, lastSeq, detail })
  }

  #rewritten({ seq, atMs }: ReadStatement): void {
    const first = this.#unsigned
    this.#find({
      fault: 'rewritten',
      seq: first?.seq ?? seq,
      lastSeq: seq,
      ...(first !== undefined && { id: first.id }),
      detail: `the chain is not the one that was signed at ${new Date(atMs).toISOString()}`,
    })
  }

  /** Retention deletes what is older than the checkpoints say. */
  #findGaps({ retentionMs: nowMs }: Times): void {
    const days = this.#signed?.retentionDays
    const keptMs = days === undefined ? Infinity : days * DAY_MS - Math.min(SLACK_MS, (days * DAY_MS) / 10)
    for (const { finding, beforeMs } of this.#gaps) if (!(beforeMs < nowMs - keptMs)) this.#sink.find(finding)
  }

  #findUnsigned({ signedMs: nowMs }: Times): void {
    const first = this.#unsigned
    if (first === undefined || nowMs - first.atMs <= UNSIGNED_MS) return
    // A writer that was killed has signed all but the last seconds.
    const isKilled = this.#signed?.isLast !== true && this.#newestMs - first.atMs <= UNSIGNED_MS
    if (isKilled && this.#signed !== undefined) return
    const detail = 'no checkpoint covers it, although one is signed within seconds of each record'
    this.#find({ fault: 'unsigned', seq: first.seq, lastSeq: this.#at.seq, id: first.id, detail })
  }

  #refuseMisplaced({ seq, place }: ChainedRecord, record: JsonObject): void {
    if (place === undefined) return
    const differs = (['id', 'tenantId', 'atMs'] as const).filter((field) => place[field] !== record[field])
    if (differs.length === 0) return
    const detail = `it is stored under another ${differs.join(' and ')} than it says`
    this.#find({ fault: 'misplaced', seq, id: place.id, detail })
  }

  #find(finding: Omit<Finding, 'writer'>): void {
    this.#sink.find({ ...finding, writer: this.writer })
  }
}

/** Numbers in words. */
function rangeText(first: number, last: number): string {
  return first === last ? `number ${first} is` : `numbers ${first} to ${last} are`
}

/** Makes the function that says which hash a record has behind a head. */
function hashAfter({ text, salt }: ChainedRecord): (head: ChainHead) => string | undefined {
  const parts = partsOf(text)
  return (head) => parts && following(head, parts, salt)?.hash
}
