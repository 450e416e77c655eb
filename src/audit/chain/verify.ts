import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ChainEntry } from './chain-entries.ts'
import { type Checkpoint, type ReadStatement, statementIn } from './checkpoint.ts'
import type { Finding, Verification } from './findings.ts'
import { type NoteVerifier, noteVerifier, openNote } from './note.ts'
import { type CheckSink, WriterCheck } from './writer-check.ts'

/** The action of the record of an erasure. */
export const ERASE = 'records.erase'

const MAX_FINDINGS = 1000
/** A writer signs this often when nothing happens, and a little later at most. */
const FRESH_MS = 15 * 60_000

/** What records are verified with. */
export interface VerifyOptions {
  /** Keys of checkpoints; those that they introduce are trusted too. */
  readonly verifierKeys: readonly string[]
  /** When the entries were read. */
  readonly nowMs: number
  /** Whether the entries come from a file, whose time only its checkpoints tell. */
  readonly isExport?: boolean
  /** Checkpoints that were kept elsewhere, as signed notes: the chains must still have them. */
  readonly remembered?: readonly string[]
}

/**
 * Verifies chains of records, each entry once, in memory that does not grow with their number. Whatever is wrong is
 * found and named; nothing throws.
 */
export async function verifyChains(
  entries: AsyncIterable<ChainEntry> | Iterable<ChainEntry>,
  options: VerifyOptions,
): Promise<Verification> {
  const verification = new ChainVerification(options)
  // What is in memory needs no turn of the event loop for each entry.
  if (Symbol.iterator in entries) for (const entry of entries) verification.next(entry)
  else for await (const entry of entries) verification.next(entry)
  return verification.end()
}

class ChainVerification implements CheckSink {
  readonly #options: VerifyOptions
  readonly #verifiers: NoteVerifier[]
  readonly #remembered = new Map<string, Map<number, ReadStatement>>()
  readonly #checks = new Map<string, WriterCheck>()
  readonly #findings: Finding[] = []
  readonly #notes: string[] = []
  #moreFindings = 0
  #records = 0
  /** Erasures by the ids of their records, and how many records each has erased. */
  readonly #acts = new Map<string, number>()
  readonly #erased = new Map<string, { count: number; readonly first: Finding }>()
  readonly #unchained: { count: number; newestMs: number; newestId: string } = {
    count: 0,
    newestMs: -1,
    newestId: '',
  }
  #beganMs = Infinity
  #signedMs = 0

  constructor(options: VerifyOptions) {
    this.#options = options
    this.#verifiers = options.verifierKeys.flatMap((key) => noteVerifier(key) ?? [])
    for (const note of options.remembered ?? []) this.#remember(note)
  }

  readonly find = (finding: Finding): void => {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding)
    else this.#moreFindings += 1
  }

  readonly erased = (place: { writer: string; seq: number; id: string }, by: string): void => {
    const known = this.#erased.get(by)
    if (known !== undefined) return void (known.count += 1)
    const detail = 'its personal part is gone, and no record says who erased it'
    this.#erased.set(by, { count: 1, first: { fault: 'erased', ...place, detail } })
  }

  readonly record = ({ id, action, change, erasedBy }: JsonObject): void => {
    this.#records += 1
    if (action !== ERASE) return
    // Whoever erased others may have been erased since, with what the record said.
    const said = erasedBy === undefined ? 0 : Infinity
    this.#acts.set(String(id), isJsonObject(change) ? Number(change['records']) : said)
  }

  next(entry: ChainEntry): void {
    if (entry.kind === 'unchained') return this.#outside(entry)
    if (entry.kind === 'record') this.#checkOf(entry.writer).record(entry)
    else if (entry.kind === 'omitted') this.#checkOf(entry.writer).omitted(entry)
    else this.#checkpoint(entry)
  }

  end(): Verification {
    const { nowMs, isExport = false } = this.#options
    const times = { signedMs: nowMs, retentionMs: isExport ? this.#signedMs : nowMs }
    for (const writer of this.#remembered.keys()) this.#checkOf(writer)
    const chains = [...this.#checks.values()].map((check) => check.end(times))
    this.#findErased()
    this.#findUnchained()
    for (const { writer, signedAtMs, isClosed, lastSeq, signedSeq } of chains) {
      if (signedAtMs === undefined)
        this.#note(`${writer}: no checkpoint was found, so that a cut end would not show`)
      else if (!isClosed && nowMs - signedAtMs > FRESH_MS)
        this.#note(
          `${writer}: the last checkpoint is of ${new Date(signedAtMs).toISOString()}, and not the last of its writer: it was killed, or its end was cut off with its checkpoints`,
        )
      if (lastSeq > signedSeq)
        this.#note(`${writer}: records at the end without a checkpoint: ${lastSeq - signedSeq}`)
    }
    const omitted = chains.reduce((sum, chain) => sum + chain.omitted, 0)
    if (omitted > 0) this.#note(`${omitted} records are not part of the export; only their hashes are`)
    return {
      records: this.#records,
      chains,
      findings: this.#findings,
      moreFindings: this.#moreFindings,
      notes: this.#notes,
    }
  }

  #checkpoint(entry: Checkpoint): void {
    const statement = this.#read(entry.note)
    if (statement?.writer !== entry.writer || statement.seq !== entry.seq)
      return this.find({
        fault: 'checkpoint',
        writer: entry.writer,
        seq: entry.seq,
        detail:
          statement === undefined
            ? 'no given key signed the checkpoint'
            : 'the checkpoint is of another place',
      })
    this.#beganMs = Math.min(this.#beganMs, statement.beganMs)
    this.#signedMs = Math.max(this.#signedMs, statement.atMs)
    this.#checkOf(entry.writer).checkpoint(statement)
  }

  /** What a note states if a known key signed it, which makes the key known that it names. */
  #read(note: string): ReadStatement | undefined {
    const text = openNote(note, this.#verifiers)
    const statement = text === undefined ? undefined : statementIn(text)
    const introduced = statement?.verifierKey
    if (introduced !== undefined && !this.#verifiers.some(({ verifierKey }) => verifierKey === introduced))
      this.#verifiers.push(...[noteVerifier(introduced)].filter((verifier) => verifier !== undefined))
    return statement
  }

  #remember(note: string): void {
    const statement = this.#read(note)
    if (statement === undefined)
      return this.find({
        fault: 'checkpoint',
        writer: undefined,
        detail: 'no given key signed the kept checkpoint',
      })
    const ofWriter = this.#remembered.get(statement.writer) ?? new Map<number, ReadStatement>()
    this.#remembered.set(statement.writer, ofWriter.set(statement.seq, statement))
  }

  #checkOf(writer: string): WriterCheck {
    const known = this.#checks.get(writer)
    if (known !== undefined) return known
    const check = new WriterCheck({ writer, sink: this, remembered: this.#remembered.get(writer) })
    this.#checks.set(writer, check)
    return check
  }

  #outside({ id, atMs }: { id: string; atMs: number }): void {
    this.#unchained.count += 1
    if (atMs > this.#unchained.newestMs) Object.assign(this.#unchained, { newestMs: atMs, newestId: id })
  }

  #findErased(): void {
    for (const [by, { count, first }] of this.#erased) {
      const allowed = this.#acts.get(by)
      if (allowed === undefined) this.find(first)
      else if (count > allowed)
        this.find({ ...first, detail: `${count} records were erased by ${by}, which says ${allowed}` })
      else this.#note(`the personal parts of ${count} records were erased, as ${by} says`)
    }
  }

  #findUnchained(): void {
    const { count, newestMs, newestId: id } = this.#unchained
    if (count === 0) return
    if (newestMs < this.#beganMs)
      this.#note(`${count} records are from before there was a chain, and cannot be verified`)
    else
      this.find({
        fault: 'unchained',
        writer: undefined,
        id,
        detail: 'it is in no chain, although there was one at its time',
      })
  }

  #note(text: string): void {
    this.#notes.push(text)
  }
}
