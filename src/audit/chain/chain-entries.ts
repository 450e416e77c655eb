import type { JsonObject } from '../../domain/json/json.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { ChainHead, Link } from './link.ts'

/** A chain that a store adds to. */
export interface OpenChain extends ChainHead {
  readonly beganMs: number
}

/** A record with its place in a chain. */
export interface ChainedRecord extends Link {
  readonly writer: string
  /** The keys that it is stored under, if they are not in the text. */
  readonly place?: { readonly id: string; readonly tenantId: string; readonly atMs: number }
  /** JSON, as `recordText` orders it. */
  readonly text: string
  /** What that is, where it was parsed already. */
  readonly value?: JsonObject
}

/** Records that an export leaves out, up to the last one, of which it has the hash. */
export interface Omitted {
  readonly writer: string
  readonly firstSeq: number
  readonly seq: number
  readonly hash: string
}

/** What a store or an export has of the chains, each chain in order. */
export type ChainEntry =
  | ({ readonly kind: 'record' } & ChainedRecord)
  /** Records that are not part of an export. */
  | ({ readonly kind: 'omitted' } & Omitted)
  | ({ readonly kind: 'checkpoint' } & Checkpoint)
  /** A record of no chain, from before there was one. */
  | { readonly kind: 'unchained'; readonly id: string; readonly atMs: number; readonly text: string }

/** Chains of records, read without a gateway. */
export interface StoredChains {
  readonly entries: () => AsyncIterable<ChainEntry> | Iterable<ChainEntry>
  readonly close: () => Promise<void> | void
}
