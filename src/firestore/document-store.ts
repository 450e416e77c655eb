import type { JsonObject } from '../domain/json/json.ts'

/** A document of a collection, as JSON: times are ISO texts, bytes base64, references paths. */
export interface WatchedDocument {
  readonly id: string
  readonly value: JsonObject
  /** Another one after each write that changed the document. */
  readonly version: string
}

/** A store of documents that tells when a collection changes. */
export interface DocumentStore {
  /**
   * Tells all documents of a collection, now and after each change, until the returned function is called or
   * `onError` was. May say nothing at all while the store cannot be reached.
   */
  listen(
    collection: string,
    onDocuments: (documents: readonly WatchedDocument[]) => void,
    onError: (error: unknown) => void,
  ): () => void
  /** Reads something small. Like the calls below it rejects when there is no answer in time. */
  probe(): Promise<void>
  /** The document at a path, or undefined. */
  get(path: string): Promise<WatchedDocument | undefined>
  /** The documents of a collection of which a field has a value. */
  where(collection: string, field: string, value: string): Promise<readonly WatchedDocument[]>
  /** Writes a document that is not there yet; false when it is. */
  create(path: string, value: JsonObject): Promise<boolean>
  set(path: string, value: JsonObject): Promise<void>
  delete(path: string): Promise<void>
}
