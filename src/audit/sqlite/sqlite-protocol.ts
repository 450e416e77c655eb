import type { AuditQuery, CountQuery, Person } from '../audit-store.ts'
import type { OpenChain } from '../chain/chain-entries.ts'
import type { Checkpoint } from '../chain/checkpoint.ts'
import type { Position } from '../cursor.ts'
import type { StoredRecord } from '../usage-record.ts'

/** The tasks of the database thread. The first one, of any kind, opens the database. */
export type Task =
  | { readonly kind: 'open' }
  | { readonly kind: 'write'; readonly lines: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: 'query'
      readonly query: AuditQuery
      readonly position: Position | undefined
      readonly limit: number
    }
  | { readonly kind: 'count'; readonly query: CountQuery; readonly position: Position | undefined }
  | { readonly kind: 'delete'; readonly beforeMs: number }
  | { readonly kind: 'erase'; readonly person: Person; readonly by: string }
  | { readonly kind: 'head' }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'close' }

/** What came of a task. */
export interface Result {
  /** What a query found. */
  readonly records?: StoredRecord[]
  /** How many records there are. */
  readonly count?: number
  /** The last record that was looked at, if there are more to look at. */
  readonly lookedUpTo?: Position | undefined
  /** Where the chain stands. */
  readonly head?: OpenChain
  /** Whether there may be more to delete. */
  readonly hasMore?: boolean
  /** Lines that were not written because they are no records. */
  readonly refused?: string[]
}
