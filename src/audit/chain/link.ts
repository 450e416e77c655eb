import { hash } from 'node:crypto'
import type { RecordParts } from './record-text.ts'

/** Says what is hashed, so that no hash of one kind is taken for another. */
const CONTEXT = 'tool-gateway audit 1'

/** Where the chain of a writer stands: the number and the hash of its last record. */
export interface ChainHead {
  readonly writer: string
  /** Records so far; the first one has the number 1. */
  readonly seq: number
  readonly hash: string
}

/** What a record has of its chain. */
export interface Link {
  readonly seq: number
  /** Keeps the commitment from being guessed; gone when the personal part is erased. */
  readonly salt: string | null
  readonly hash: string
}

/** The head of a chain without records. */
export function emptyChain(writer: string): ChainHead {
  return { writer, seq: 0, hash: sha256(`${CONTEXT} begin\n${writer}`) }
}

/** Stands for the personal part of a record in its hash; says nothing about it without the salt. */
export function commitmentOf(salt: string, personal: string): string {
  return sha256(`${CONTEXT} personal\n${salt}\n${personal}`)
}

/** The head after one more record; undefined when neither the personal part nor its commitment is there. */
export function following(
  { writer, seq, hash: before }: ChainHead,
  { open, personal, erased }: RecordParts,
  salt: string | null,
): ChainHead | undefined {
  const commitment =
    personal === undefined || salt === null ? erased?.commitment : commitmentOf(salt, personal)
  if (commitment === undefined) return undefined
  const next = seq + 1
  return {
    writer,
    seq: next,
    hash: sha256(`${CONTEXT} record\n${before}\n${writer}\n${next}\n${commitment}\n${open}`),
  }
}

/** In base64, as checkpoints have it. In one piece, at half the cost of a hash object. */
function sha256(text: string): string {
  return hash('sha256', text, 'base64')
}
