import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { type KeyRing, keysFor } from '../../domain/seal/key-ring.ts'

const LIFETIME_MS = 10 * 60_000
const TIME_BYTES = 6
const HEAD_BYTES = TIME_BYTES + 10
const PROOF_BYTES = 16

/**
 * Codes that only a holder of the key can make, each valid once and for ten minutes. Any process with the key makes
 * them; the one gateway that redeems them remembers which were used.
 */
export class OneTimeCodes {
  readonly #key: Buffer
  readonly #clock: Clock
  readonly #openedAt: number
  readonly #used = new Map<string, number>()

  constructor({ keys, clock }: { keys: KeyRing; clock: Clock }) {
    this.#key = keysFor(keys, 'one-time code')[0] ?? keys.current
    this.#clock = clock
    this.#openedAt = clock.now()
  }

  /** A new code: 43 characters that may stand in a URL. */
  issue(): string {
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUIntBE(this.#clock.now(), 0, TIME_BYTES)
    randomBytes(HEAD_BYTES - TIME_BYTES).copy(head, TIME_BYTES)
    return Buffer.concat([head, this.#proofOf(head)]).toString('base64url')
  }

  /** Whether a code can still be redeemed. */
  isValid(code: string): boolean {
    const bytes = Buffer.from(code, 'base64url')
    if (bytes.length !== HEAD_BYTES + PROOF_BYTES || this.#used.has(bytes.toString('base64url'))) return false
    const head = bytes.subarray(0, HEAD_BYTES)
    if (!timingSafeEqual(bytes.subarray(HEAD_BYTES), this.#proofOf(head))) return false
    const issuedAt = head.readUIntBE(0, TIME_BYTES)
    // Older ones may have been used before this process started.
    return issuedAt >= this.#openedAt && this.#clock.now() - issuedAt < LIFETIME_MS
  }

  /** Uses a code; false for one that is not valid any more. */
  redeem(code: string): boolean {
    if (!this.isValid(code)) return false
    const now = this.#clock.now()
    for (const [used, until] of this.#used) if (until <= now) this.#used.delete(used)
    this.#used.set(Buffer.from(code, 'base64url').toString('base64url'), now + LIFETIME_MS)
    return true
  }

  #proofOf(head: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(head).digest().subarray(0, PROOF_BYTES)
  }
}
