/** A small document that the gateway keeps for itself. */
export interface StateEntry {
  readonly key: string
  /** Opaque to the store; callers seal secrets before they store them. */
  readonly value: string
  /** Another one after each write. */
  readonly version: string
  /** Wall time in milliseconds from which on there is no such entry; undefined if it stays. */
  readonly expiresAt: number | undefined
}

/** Some entries of a list, in the order of their keys. */
export interface StatePage {
  /** May be fewer than the limit, or none, although there are more. */
  readonly entries: readonly StateEntry[]
  /** Continues the list as `after`; undefined when this is the last page. */
  readonly next: string | undefined
}

/** What a write depends on, and how long its entry stays. */
export interface PutOptions {
  /** The version that is replaced; `null`: there is no entry yet. Without it the write depends on nothing. */
  readonly expected?: string | null
  /** Wall time in milliseconds. */
  readonly expiresAt?: number | undefined
}

/**
 * Small documents by collection and key, which outlive the process and are the same for every replica. A collection is
 * named `^[a-z][a-z-]{0,39}$`; a key has up to 500 printable ASCII characters (`stateKey` makes one of any texts); a
 * value has up to 256 KiB. Every call ends within seconds; each throws GatewayError `state_unavailable` when the store
 * does not answer, and RangeError for a name, key or value out of bounds.
 */
export interface StateStore {
  /** The entry, or undefined when there is none or it has expired. */
  get(collection: string, key: string): Promise<StateEntry | undefined>
  /** The version that was written; undefined, and nothing changed, when another version was there than expected. */
  put(collection: string, key: string, value: string, options?: PutOptions): Promise<string | undefined>
  /** Whether this call removed the entry: false when there was none, or another version than expected. */
  delete(collection: string, key: string, options?: { readonly expected?: string }): Promise<boolean>
  /** The entries whose keys begin with a prefix, those after the key `after` only. */
  list(
    collection: string,
    prefix: string,
    options: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<StatePage>
  /** Idempotent. */
  close(): Promise<void>
}
