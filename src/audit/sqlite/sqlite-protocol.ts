import type { AuditQuery } from '../audit-store.ts'
import type { Position } from '../cursor.ts'
import type { StoredRecord, WritableRecord } from '../usage-record.ts'

/** The tasks of the database thread. */
export type Task =
  | { readonly kind: 'write'; readonly batch: readonly WritableRecord[] }
  | {
      readonly kind: 'query'
      readonly query: AuditQuery
      readonly position: Position | undefined
      readonly limit: number
    }
  | { readonly kind: 'delete'; readonly beforeMs: number }
  | { readonly kind: 'close' }

/** What came of a task. */
export interface Result {
  /** What a query found. */
  readonly records: StoredRecord[]
  /** Whether there may be more to delete. */
  readonly more: boolean
}

/** Message to the database thread: a task, under the `id` that its answer repeats. */
export interface TaskMessage {
  readonly id: number
  readonly task: Task
}

/** Id 0 answers the start: the database is open, or why not. */
export interface AnswerMessage {
  readonly id: number
  readonly result: Result
  readonly error?: string
}
