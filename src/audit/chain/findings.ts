/** What is wrong with a chain. */
type Fault =
  /** Its content is not what was hashed. */
  | 'edited'
  /** Its hash was replaced; its content is as it was. */
  | 'hash'
  /** Records are missing between others, or in front of them. */
  | 'deleted'
  /** A checkpoint covers records that are not there. */
  | 'truncated'
  /** Two records have one number. */
  | 'inserted'
  /** It stands behind a record that followed it. */
  | 'reordered'
  /** They are a chain, and not the one that was signed. */
  | 'rewritten'
  /** A checkpoint that no given key signed, or that is none. */
  | 'checkpoint'
  /** No checkpoint covers it, although one should by now. */
  | 'unsigned'
  /** Its personal part is gone, and no record says who erased it. */
  | 'erased'
  /** It is in no chain, although there was one when it was made. */
  | 'unchained'
  /** It is stored under another tenant, time or id than it says. */
  | 'misplaced'

/** Something that is wrong, and with which records. */
export interface Finding {
  readonly fault: Fault
  readonly writer: string | undefined
  /** Number of the record, or of the first of several. */
  readonly seq?: number
  /** The number of the last of several. */
  readonly lastSeq?: number
  /** The id of the record, where it is known. */
  readonly id?: string
  readonly detail: string
}

/** One chain, as far as it could be verified. */
export interface VerifiedChain {
  readonly writer: string
  readonly records: number
  /** Records of which an export has the hash alone. */
  readonly omitted: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly checkpoints: number
  /** Number of the last record that a valid checkpoint covers. */
  readonly signedSeq: number
  /** When the last valid checkpoint was signed. */
  readonly signedAtMs: number | undefined
  /** Whether the writer says that it has ended. */
  readonly isClosed: boolean
}

/** What was found. Notes are no faults, but something to know. */
export interface Verification {
  readonly records: number
  readonly chains: readonly VerifiedChain[]
  /** The first 1000. */
  readonly findings: readonly Finding[]
  readonly moreFindings: number
  readonly notes: readonly string[]
}
