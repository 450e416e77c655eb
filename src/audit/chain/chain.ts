import { randomBytes } from 'node:crypto'
import { type ChainHead, following, type Link } from './link.ts'
import { partsOf, recordText } from './record-text.ts'
import { recordInLine } from '../record-line.ts'

const SALT_BYTES = 16
const SALTS_AT_ONCE = 256

/** A record with its place in a chain. */
export interface Linked {
  /** JSON. */
  readonly text: string
  readonly link: Link & { readonly salt: string }
}

/** Gives records their places in a chain, one after the other. Nothing counts until it is kept. */
export class Chain {
  #head: ChainHead
  #salts = Buffer.alloc(0)
  #saltAt = 0

  constructor(head: ChainHead) {
    this.#head = head
  }

  /** The head after all records that were kept. */
  get head(): ChainHead {
    return this.#head
  }

  /** Goes back to an earlier head: what came after it was not stored. */
  reset(head: ChainHead): void {
    this.#head = head
  }

  /** The next place for a record, which `keep` takes; undefined if the text is no record. @param given JSON */
  next(given: string): Linked | undefined {
    let text = given
    let parts = partsOf(text)
    if (parts === undefined) {
      // Of an earlier version, which had another order.
      const record = recordInLine(text)
      if (record === undefined) return undefined
      text = recordText(record)
      parts = partsOf(text)
    }
    if (parts === undefined) return undefined
    const salt = this.#salt()
    const head = following(this.#head, parts, salt)
    return head && { text, link: { seq: head.seq, salt, hash: head.hash } }
  }

  /** The record is stored: the next one follows it. */
  keep({ link: { seq, hash } }: Linked): void {
    this.#head = { writer: this.#head.writer, seq, hash }
  }

  /** Many at once, which costs a tenth of one call for each. */
  #salt(): string {
    if (this.#saltAt === this.#salts.length) {
      this.#salts = randomBytes(SALT_BYTES * SALTS_AT_ONCE)
      this.#saltAt = 0
    }
    const end = this.#saltAt + SALT_BYTES
    const salt = this.#salts.toString('base64url', this.#saltAt, end)
    this.#saltAt = end
    return salt
  }
}
