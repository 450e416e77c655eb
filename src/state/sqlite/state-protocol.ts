import type { StateEntry } from '../state-store.ts'

/** Which entry of the database. */
interface Named {
  readonly collection: string
  readonly key: string
  /** The time at the caller: what has expired by then is not there. */
  readonly now: number
}

/** The tasks of the thread that has the database open. The first one, of any kind, opens it. */
export type StateTask =
  | (Named & { readonly kind: 'get' })
  | (Named & {
      readonly kind: 'put'
      readonly value: string
      readonly expected: string | null | undefined
      readonly expiresAt: number | undefined
    })
  | (Named & { readonly kind: 'delete'; readonly expected: string | undefined })
  | {
      readonly kind: 'list'
      readonly collection: string
      readonly prefix: string
      readonly after: string
      readonly limit: number
      readonly now: number
    }
  | { readonly kind: 'purge'; readonly now: number }
  | { readonly kind: 'close' }

/** What came of a task. */
export interface StateResult {
  readonly entries?: readonly StateEntry[]
  /** The version that was written. */
  readonly version?: string | undefined
  /** Whether an entry was removed. */
  readonly removed?: boolean
}
