import type { JsonObject } from '../../src/domain/json/json.ts'
import type { DocumentStore, WatchedDocument } from '../../src/firestore/document-store.ts'

type Listener = {
  collection: string
  onDocuments: (documents: readonly WatchedDocument[]) => void
  onError: (error: unknown) => void
}

/** A document store in memory whose outages and wipes a test commands. Listeners hear at once. */
export class MemoryDocuments implements DocumentStore {
  /** While true nothing answers: calls reject, listeners hear nothing. */
  isDown = false
  /** Paths in the order in which they were written or deleted. */
  readonly writes: string[] = []
  probes = 0
  readonly #documents = new Map<string, WatchedDocument>()
  readonly #listeners = new Set<Listener>()
  #version = 0

  get listeners(): number {
    return this.#listeners.size
  }

  listen(collection: string, onDocuments: Listener['onDocuments'], onError: Listener['onError']): () => void {
    const listener = { collection, onDocuments, onError }
    this.#listeners.add(listener)
    if (!this.isDown) onDocuments(this.#in(collection))
    return () => this.#listeners.delete(listener)
  }

  probe(): Promise<void> {
    this.probes += 1
    return this.#answer(() => undefined)
  }

  get(path: string): Promise<WatchedDocument | undefined> {
    return this.#answer(() => this.#documents.get(path))
  }

  where(collection: string, field: string, value: string): Promise<readonly WatchedDocument[]> {
    return this.#answer(() => this.#in(collection).filter((document) => document.value[field] === value))
  }

  create(path: string, value: JsonObject): Promise<boolean> {
    return this.#answer(() => {
      if (this.#documents.has(path)) return false
      this.put({ [path]: value })
      return true
    })
  }

  set(path: string, value: JsonObject): Promise<void> {
    return this.#answer(() => this.put({ [path]: value }))
  }

  delete(path: string): Promise<void> {
    return this.#answer(() => this.put({ [path]: undefined }))
  }

  /** Writes, or with undefined deletes, documents in one step; listeners hear of it once for each collection. */
  put(documents: Record<string, JsonObject | undefined>): void {
    for (const [path, value] of Object.entries(documents)) {
      this.writes.push(path)
      this.#version += 1
      if (value === undefined) this.#documents.delete(path)
      else this.#documents.set(path, this.#stored(path, value))
    }
    this.#tell(new Set(Object.keys(documents).map(collectionOf)))
  }

  /** Throws everything away, as an emulator does when it ends. Nobody is told. */
  wipe(): void {
    this.#documents.clear()
  }

  /** Ends the listeners of a collection with an error. */
  fail(collection: string, error: unknown): void {
    for (const listener of this.#listeners) if (listener.collection === collection) listener.onError(error)
  }

  read(path: string): JsonObject | undefined {
    return this.#documents.get(path)?.value
  }

  /** Ids of the documents of a collection. */
  ids(collection: string): string[] {
    return this.#in(collection).map(({ id }) => id)
  }

  #stored(path: string, value: JsonObject): WatchedDocument {
    const members = Object.entries(value).map(([key, member]) => [key, jsonOf(member)])
    return {
      id: path.slice(path.lastIndexOf('/') + 1),
      value: Object.fromEntries(members) as JsonObject,
      version: String(this.#version),
    }
  }

  #in(collection: string): WatchedDocument[] {
    return [...this.#documents].filter(([path]) => collectionOf(path) === collection).map(([, it]) => it)
  }

  #tell(collections: ReadonlySet<string>): void {
    if (this.isDown) return
    for (const { collection, onDocuments } of this.#listeners) {
      if (collections.has(collection)) onDocuments(this.#in(collection))
    }
  }

  #answer<T>(read: () => T): Promise<T> {
    return this.isDown ? Promise.reject(new Error('the store is down')) : Promise.resolve(read())
  }
}

/** Bytes come back as base64 and times as texts, as from Firestore. */
function jsonOf(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  return value instanceof Date ? value.toISOString() : value
}

function collectionOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
