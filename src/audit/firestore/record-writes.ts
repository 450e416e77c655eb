import { randomUUID } from 'node:crypto'
import type { CollectionReference, Firestore } from '@google-cloud/firestore'
import type { Clock } from '../../domain/clock.ts'
import { withDeadline } from '../../firestore/deadline.ts'
import { Chain, type Linked } from '../chain/chain.ts'
import type { OpenChain } from '../chain/chain-entries.ts'
import { emptyChain } from '../chain/link.ts'
import { codeOf } from '../thrown-code.ts'
import { RecordsRefusedError } from '../records-refused.ts'
import type { StoredRecord } from '../usage-record.ts'
import { documentOf, linkIn, RECORDS, storableRecord } from './record-documents.ts'

const INVALID_ARGUMENT = 3
const ALREADY_EXISTS = 6
/** Firestore takes more, up to 10 MiB; a batch that is refused is created again one by one. */
const BATCH_SIZE = 200
/** A batch of which some are there is made again without them; what is there does not go away. */
const MAX_ATTEMPTS = 3

interface Storable {
  readonly line: string
  readonly record: StoredRecord
  readonly text: string
}

/**
 * Creates records as documents, each once, in a chain of this process: whatever is there already keeps its place, and
 * what was created although no answer came is found when the same records come again.
 */
export class RecordWrites {
  readonly #db: Firestore
  readonly #records: CollectionReference
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #retentionMs: number | undefined
  readonly #chain = new Chain(emptyChain(randomUUID()))
  readonly #beganMs: number

  constructor(options: { db: Firestore; clock: Clock; timeoutMs: number; retentionMs: number | undefined }) {
    this.#db = options.db
    this.#records = options.db.collection(RECORDS)
    this.#clock = options.clock
    this.#timeoutMs = options.timeoutMs
    this.#retentionMs = options.retentionMs
    this.#beganMs = options.clock.now()
  }

  /** Where the chain of this process stands. */
  get head(): OpenChain {
    return { ...this.#chain.head, beganMs: this.#beganMs }
  }

  /**
   * @throws Error when one could not be created in time; it may have been, and so may others of the batch
   * @throws RecordsRefusedError when some of them will never be taken; the others are written
   */
  async write(lines: readonly string[]): Promise<void> {
    const refused: string[] = []
    let cause: unknown
    const storable = lines.flatMap((line) => {
      const found = storableRecord(line)
      if (found === undefined) refused.push(line)
      return found === undefined ? [] : [{ line, ...found }]
    })
    for (let start = 0; start < storable.length; start += BATCH_SIZE) {
      const batch = storable.slice(start, start + BATCH_SIZE)
      if (await this.#create(batch)) continue
      for (const one of batch) {
        const refusal = await this.#createOne(one)
        if (refusal === undefined) continue
        refused.push(one.line)
        cause ??= refusal.cause
      }
    }
    if (refused.length > 0) throw new RecordsRefusedError(refused, { cause })
  }

  /** Creates what is not there yet in one commit; false if Firestore does not take some of it. */
  async #create(batch: readonly Storable[]): Promise<boolean> {
    let missing = batch
    for (let attempt = 0; attempt < MAX_ATTEMPTS && missing.length > 0; attempt += 1) {
      const code = await this.#commit(missing)
      if (code === undefined) return true
      if (code === INVALID_ARGUMENT) return false
      missing = await this.#missing(missing)
    }
    if (missing.length > 0) throw new Error('usage records could not be created in Firestore')
    return true
  }

  /** The reason for which Firestore will never take a record; undefined once it is stored. */
  async #createOne(one: Storable): Promise<{ readonly cause: unknown } | undefined> {
    if (await this.#create([one])) return undefined
    return { cause: new Error(`Firestore does not take the record ${one.record.id}`) }
  }

  /** One commit, which creates all or none; undefined, or the code of a refusal that trying again does not change. */
  async #commit(storable: readonly Storable[]): Promise<number | undefined> {
    const before = this.#chain.head
    const batch = this.#db.batch()
    for (const { record, text } of storable)
      batch.create(
        this.#records.doc(record.id),
        documentOf(record, before.writer, this.#next(text), this.#retentionMs),
      )
    try {
      await this.#inTime(batch.commit(), 'creating usage records')
      return undefined
    } catch (cause) {
      this.#chain.reset(before)
      const code = codeOf(cause)
      if (code === ALREADY_EXISTS || code === INVALID_ARGUMENT) return code
      throw new Error('usage records could not be created in Firestore', { cause })
    }
  }

  #next(text: string): Linked {
    const linked = this.#chain.next(text)
    if (linked === undefined) throw new Error('a usage record has no place in a chain')
    this.#chain.keep(linked)
    return linked
  }

  /** Those that are not there. What this process created without getting the answer moves its chain on. */
  async #missing(storable: readonly Storable[]): Promise<readonly Storable[]> {
    const documents = storable.map(({ record }) => this.#records.doc(record.id))
    const found = await this.#inTime(this.#db.getAll(...documents), 'reading usage records')
    const { writer } = this.#chain.head
    for (const document of found) {
      const link = document.exists ? linkIn(document.data() ?? {}) : undefined
      if (link?.writer === writer && link.seq > this.#chain.head.seq) this.#chain.reset(link)
    }
    const there = new Set(found.filter((document) => document.exists).map(({ id }) => id))
    return storable.filter(({ record }) => !there.has(record.id))
  }

  #inTime<T>(answer: Promise<T>, what: string): Promise<T> {
    return withDeadline(this.#clock, answer, this.#timeoutMs, what)
  }
}
