import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import type { Document, QueryTarget, Time, Write, WriteResult } from './messages.ts'
import { resultsOf } from './query.ts'
import { StatusError } from './status-error.ts'
import { nameOf, written } from './write.ts'

/** Versions of what a transaction has read, now. */
type Read = () => string

/** The documents of one database, in memory. Every commit has a time of its own and is told to those who watch. */
export class Database {
  readonly #documents = new Map<string, Document>()
  readonly #watchers = new Set<() => void>()
  readonly #transactions = new Map<string, { readonly read: Read; readonly seen: string }[]>()
  #micros = 0n

  /** Time of the last commit, or now if that is later. */
  get readTime(): Time {
    const now = BigInt(Date.now()) * 1000n
    if (now > this.#micros) this.#micros = now
    return { seconds: String(this.#micros / 1_000_000n), nanos: Number(this.#micros % 1_000_000n) * 1000 }
  }

  get(name: string): Document | undefined {
    return this.#documents.get(name)
  }

  query(target: QueryTarget): Document[] {
    return resultsOf(target, this.#documents.values())
  }

  /** Calls back after each commit that changed something, until the returned function is called. */
  watch(onCommit: () => void): () => void {
    this.#watchers.add(onCommit)
    return () => this.#watchers.delete(onCommit)
  }

  /** All writes or, with a StatusError, none; with a transaction only if nothing that it read has changed. */
  commit(writes: readonly Write[], transaction?: Buffer): { writeResults: WriteResult[]; commitTime: Time } {
    if (transaction !== undefined) this.#end(transaction)
    this.#micros += 1n
    const commitTime = this.readTime
    const draft = new Map<string, Document | undefined>()
    const writeResults = writes.map((write) => {
      const name = nameOf(write)
      const before = draft.has(name) ? draft.get(name) : this.#documents.get(name)
      const { after, transformResults } = written(write, before, commitTime)
      draft.set(name, after)
      return { updateTime: after?.updateTime, transformResults }
    })
    this.#take(draft)
    return { writeResults, commitTime }
  }

  clear(): void {
    this.#take(new Map([...this.#documents.keys()].map((name) => [name, undefined])))
  }

  begin(): Buffer {
    const id = randomUUID()
    this.#transactions.set(id, [])
    return Buffer.from(id)
  }

  rollback(transaction: Buffer): void {
    this.#transactions.delete(transaction.toString())
  }

  /** Reads, and if it is for a transaction notes what was read. */
  read(transaction: Buffer | undefined, find: () => readonly (Document | undefined)[]): typeof find {
    if (transaction === undefined) return find
    const read = (): string => find().map(versionOf).join()
    this.#readsOf(transaction).push({ read, seen: read() })
    return find
  }

  #take(draft: ReadonlyMap<string, Document | undefined>): void {
    for (const [name, document] of draft) {
      if (document === undefined) this.#documents.delete(name)
      else this.#documents.set(name, document)
    }
    for (const onCommit of this.#watchers) onCommit()
  }

  #readsOf(transaction: Buffer): { readonly read: Read; readonly seen: string }[] {
    const reads = this.#transactions.get(transaction.toString())
    if (reads === undefined) throw new StatusError(status.INVALID_ARGUMENT, 'there is no such transaction')
    return reads
  }

  #end(transaction: Buffer): void {
    const reads = this.#readsOf(transaction)
    this.rollback(transaction)
    if (reads.some(({ read, seen }) => read() !== seen))
      throw new StatusError(status.ABORTED, 'a document changed after the transaction had read it')
  }
}

function versionOf(document: Document | undefined): string {
  if (document === undefined) return ''
  const { seconds, nanos } = document.updateTime
  return `${document.name} ${seconds}.${nanos}`
}
