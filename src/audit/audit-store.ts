import type { ChainStore } from './chain/checkpoints.ts'
import type { RecordLines } from './record-lines.ts'
import type { Outcome, StoredRecord } from './usage-record.ts'

/** Selects records of a tenant. */
export interface AuditQuery {
  readonly tenantId: string
  /** Attempts at or after this time, in milliseconds since the epoch. */
  readonly from?: number | undefined
  /** Attempts before this time, in milliseconds since the epoch. */
  readonly to?: number | undefined
  readonly subject?: string | undefined
  /** The name or URI as the caller gave it. */
  readonly target?: string | undefined
  readonly server?: string | undefined
  readonly outcome?: Outcome | undefined
  readonly limit: number
  /** Where an earlier page of the same query ended. */
  readonly cursor?: string | undefined
}

/** Which records of a tenant are counted. */
export type CountQuery = Omit<AuditQuery, 'limit' | 'cursor'>

/** One page of usage records, as a query returns it. */
export interface AuditPage {
  /** Newest first. */
  readonly records: StoredRecord[]
  /** Absent on the last page. */
  readonly nextCursor?: string
}

/** Where usage records are read. */
export interface RecordReader {
  /** @throws GatewayError `invalid_cursor` when the cursor is of another query */
  query(query: AuditQuery): Promise<AuditPage>
  /** How many records there are. */
  count(query: CountQuery): Promise<number>
}

/** A person or program of a tenant, in records up to a time. */
export interface Person {
  readonly tenantId: string
  readonly subject: string
  /** Records of attempts before this time, in milliseconds since the epoch. */
  readonly beforeMs: number
  /** Of so many records at most. */
  readonly limit: number
}

/** Stores usage records, which one `Delivery` writes. */
export interface AuditStore extends RecordReader {
  /** How many records it takes best at once; 200 if absent. */
  readonly batchSize?: number
  /**
   * Resolves once all records survive a power cut. A record whose id is already there is left as it is.
   * @param lines records as `lineOf` writes them
   * @throws RecordsRefusedError when some of them will never be taken; the others are written
   */
  write(lines: RecordLines): Promise<void>
  /**
   * Erases what is personal in the records of a person, of those made before a time: their hashes stay, so that the chain
   * is verified as before. Resolves with how many they were.
   */
  erase?(person: Person, by: string): Promise<number>
  /** The chain of its records; absent where they have none. */
  readonly chain?: ChainStore
  /** Idempotent. */
  close(): Promise<void>
}
