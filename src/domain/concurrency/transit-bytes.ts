import type { Clock } from '../clock.ts'
import { PendingList, type PendingPlace } from './waits.ts'

/** Longer than it usually takes to write a complete result to its client. */
const MEASURE_MS = 25
const MEASURES_A_SECOND = 1000 / MEASURE_MS
/** Results of more than this part of the limit are measured before they reach it. */
const MEASURED_PART = 1 / 4
/** The expected size of a result that is resumed. */
const EXPECTED_BYTES = 1_000_000
/** While clients leave more than the limit unread, what is left until this part of it may be completed in a second. */
const MOST_UNREAD_PART = 3 / 2
/** At least this part of it, so that a few clients that hardly read cannot stop the results of all others. */
const LEAST_PART = 1 / 8

/** Receives large results, some of which wait. */
export interface Waiting {
  /**
   * Resumes the oldest waiting result.
   * @param isOldestOnly whether it may only be the oldest of all
   * @returns whether others wait
   */
  goOn(isOldestOnly: boolean): boolean
}

/**
 * The bytes of large results in memory: of those being received, and those in transit to clients. Above the limit, each
 * server's results are received one after the other. While the unread bytes alone are above the limit, results are received
 * slowly enough to stay well below twice the limit.
 */
export class TransitBytes {
  readonly #limit: number
  readonly #clock: Clock
  readonly #waiting = new PendingList<Waiting>()
  #readUnread = (): number => 0
  #receiving = 0
  /** Of results that were completed after `#unread` was measured, and of those of the interval before, which it may not have. */
  #passed = 0
  #passedBefore = 0
  #unread = 0
  /** How much more may be completed while clients leave too much unread; negative where it was too much. */
  #allowed = 0
  #isMeasuring = false

  /** @param options.limit in bytes */
  constructor(options: { limit: number; clock: Clock }) {
    this.#limit = options.limit
    this.#clock = options.clock
  }

  /** Whether the results of a server have to be received one after the other. */
  get isHigh(): boolean {
    return this.#receiving + this.#leaving > this.#limit
  }

  /** Whether even those have to wait; this ends by itself. */
  get isFull(): boolean {
    return this.#isCrowded && this.#allowed <= 0
  }

  get #isCrowded(): boolean {
    return this.#leaving > this.#limit
  }

  /** Bytes in transit to clients. */
  get #leaving(): number {
    return this.#passedBefore + this.#passed + this.#unread
  }

  /** @param readUnread gives the bytes of responses that clients have not read, but will, as far as is known */
  measureBy(readUnread: () => number): void {
    this.#readUnread = readUnread
  }

  /** Adds bytes of results that are being received; negative to subtract. */
  receive(bytes: number): void {
    this.#receiving += bytes
  }

  /** Moves bytes from receiving to in transit. */
  pass(bytes: number): void {
    this.#receiving -= bytes
    this.#passed += bytes
    if (this.#isCrowded) this.#allowed -= bytes
    if (this.#passed > this.#limit * MEASURED_PART) this.#measureSoon()
  }

  /** Adds a receiver with waiting results: it is resumed repeatedly, round-robin with others. Idempotent. */
  wait(place: PendingPlace<Waiting>): void {
    this.#waiting.add(place)
    this.#measureSoon()
  }

  /** Removes a receiver that has no waiting results. Idempotent. */
  stopWaiting(place: PendingPlace<Waiting>): void {
    this.#waiting.remove(place)
  }

  #measureSoon(): void {
    if (this.#isMeasuring) return
    this.#isMeasuring = true
    this.#clock.after(MEASURE_MS, () => {
      this.#isMeasuring = false
      this.#measure()
      this.#relieve()
    })
  }

  #measure(): void {
    this.#unread = this.#readUnread()
    this.#passedBefore = this.#passed
    this.#passed = 0
    const left = this.#limit * MOST_UNREAD_PART - this.#unread
    const aSecond = Math.max(left, this.#limit * LEAST_PART)
    const debt = this.#isCrowded ? Math.min(this.#allowed, 0) : 0
    this.#allowed = debt + aSecond / MEASURES_A_SECOND
  }

  #relieve(): void {
    const room = this.#limit - this.#receiving - this.#leaving
    const isOldestOnly = room < 0
    for (let left = this.#turns(room); left > 0; left -= 1) {
      const { first } = this.#waiting
      if (first === undefined) break
      this.#waiting.remove(first)
      if (first.item.goOn(isOldestOnly)) this.#waiting.add(first)
    }
    if (this.#waiting.size > 0 || this.#passedBefore > 0) this.#measureSoon()
  }

  /** How many may be resumed. */
  #turns(room: number): number {
    if (room >= 0) return Math.ceil((room + 1) / EXPECTED_BYTES)
    return this.isFull ? 0 : this.#waiting.size
  }
}
