import type { Outcome, StoredRecord, WritableRecord } from './usage-record.ts'

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

/** One page of usage records, as a query returns it. */
export interface AuditPage {
  /** Newest first. */
  readonly records: StoredRecord[]
  /** Absent on the last page. */
  readonly nextCursor?: string
}

/** Stores usage records durably. */
export interface AuditStore {
  /**
   * Resolves once all records outlive this process, however it ends; a power cut may take those of the last moment. A
   * record whose id is already there is left as it is.
   * @throws RecordsRefusedError when some of them will never be taken; the others are written
   */
  write(batch: readonly WritableRecord[]): Promise<void>
  /** Whether it has no room for further calls; absent if there is no such limit. */
  isFull?(): boolean
  /** @throws GatewayError `invalid_cursor` when the cursor is of another query */
  query(query: AuditQuery): Promise<AuditPage>
  /** Idempotent. */
  close(): Promise<void>
}
