import type { Clock } from '../../domain/clock.ts'

/** As much as is read at once only where more is waiting. */
const FULL_READ_BYTES = 32 * 1024
/** Messages that are handled before everything else in this process has its turn: some milliseconds. */
export const MESSAGES_A_TURN = 50

/** Messages on the stream of one request, which has one answer, before it is read more slowly. */
const MESSAGES_AT_ONCE = 1000
const REST_MS = 10

/** How long to rest after each turn of the stream of one request: what goes on there is no answer but a flood. */
export function restAfter(messages: number): number {
  return messages > MESSAGES_AT_ONCE ? REST_MS : 0
}

/** Where bytes of a server come from. */
export interface Source {
  readonly pause: () => unknown
  readonly resume: () => unknown
}

/**
 * Passes on what a server sends, and lets everything else in this process have its turn in between: otherwise a flood of
 * messages that arrived at once would be handled at once. Meanwhile nothing more is read.
 */
export class PacedInput {
  readonly #source: () => Source | undefined
  readonly #take: (bytes: Buffer, maxMessages: number) => number
  readonly #count: () => number
  readonly #clock: Clock | undefined
  readonly #restMs: (messages: number) => number
  readonly #isPart: (bytes: Buffer) => boolean
  readonly #waiting: Buffer[] = []
  /** How many messages there had been when everything else had its turn. */
  #countBefore = 0
  #onEmpty: (() => void) | undefined

  /**
   * @param options.take handles some of the bytes, of so many messages at most; returns how many bytes
   * @param options.count how many messages there have been: a server may send each of many in a piece of its own
   * @param options.isPart whether bytes are the middle of a message, which is only kept: they are worth no turn
   * @param options.clock given where a flood is read slowly
   * @param options.restMs how long to rest after a turn, by how many messages there have been; `restAfter` by default,
   * which is for the stream of one request
   */
  constructor(options: {
    source: () => Source | undefined
    take: (bytes: Buffer, maxMessages: number) => number
    count: () => number
    isPart?: (bytes: Buffer) => boolean
    clock?: Clock
    restMs?: (messages: number) => number
  }) {
    this.#source = options.source
    this.#take = options.take
    this.#count = options.count
    this.#clock = options.clock
    this.#restMs = options.restMs ?? restAfter
    this.#isPart = options.isPart ?? (() => false)
  }

  push(bytes: Buffer): void {
    this.#waiting.push(bytes)
    if (this.#waiting.length > 1) return
    const isDone = this.#run()
    if (!isDone || (bytes.length >= FULL_READ_BYTES && !this.#isPart(bytes))) this.#yield()
  }

  /** Calls `listener` when everything that came until now has been passed on. */
  whenEmpty(listener: () => void): void {
    if (this.#waiting.length === 0) listener()
    else this.#onEmpty = listener
  }

  #yield(): void {
    this.#source()?.pause()
    const restMs = this.#restMs(this.#count())
    if (this.#clock === undefined || restMs === 0) setImmediate(() => this.#goOn())
    else this.#clock.after(restMs, () => this.#goOn())
  }

  #goOn(): void {
    this.#countBefore = this.#count()
    if (!this.#run()) return this.#yield()
    this.#source()?.resume()
    const listener = this.#onEmpty
    this.#onEmpty = undefined
    listener?.()
  }

  /** One turn; returns whether nothing is left. */
  #run(): boolean {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const left = MESSAGES_A_TURN - (this.#count() - this.#countBefore)
      if (left <= 0) return false
      const taken = this.#take(first, left)
      if (taken < first.length) {
        this.#waiting[0] = first.subarray(taken)
        return false
      }
      this.#waiting.shift()
    }
    return true
  }
}
