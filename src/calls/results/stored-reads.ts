import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Clock, sleep } from '../../domain/clock.ts'
import { FairQueue, ownerOf } from '../../domain/concurrency/fair-queue.ts'
import { overloaded } from '../../domain/concurrency/gated-work.ts'
import type { TransitBytes } from '../../domain/concurrency/transit-bytes.ts'
import { onAbort, PendingPlace } from '../../domain/concurrency/waits.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import { CompactText, type TextPart } from './compact-text.ts'

/** Size of the cache of recently read texts. A larger text is loaded for each of its parts. */
const RECENT_BYTES = 32 * 1024 * 1024
/** Milliseconds: parts of a result are usually read one after the other. */
const RECENT_MS = 10_000
/** Parts of up to so many characters take little memory. */
const SMALL_PART = 64 * 1024

/** Others hardly notice it when a text takes no longer than this to be passed on. */
const SHORT_MS = 5
const LONGEST_MS = 1000

/** A read of a text: its owner, its part, and how long it may wait. */
export interface Read {
  readonly principal: Principal
  /** The part in characters; all of it by default. */
  readonly part?: TextPart | undefined
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

interface Waiting {
  readonly name: string
  readonly part: TextPart | undefined
  readonly load: () => Promise<Buffer | undefined>
  readonly resolve: (text: string | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads large texts one at a time, in a fair queue by tenant, and as fast as clients read the data in transit to them. A text
 * is cached for ten seconds after a read.
 */
export class StoredReads {
  readonly #clock: Clock
  readonly #transit: TransitBytes | undefined
  readonly #queue = new FairQueue<Waiting>()
  readonly #recent = new LRUCache<string, CompactText>({
    maxSize: RECENT_BYTES,
    sizeCalculation: ({ bytes }) => Math.max(bytes, 1),
  })
  #isReading = false
  #passedOnAt = 0

  /** @param options.transit counts the bytes in transit to clients; without it only the queue is a limit */
  constructor(options: { clock: Clock; transit: TransitBytes | undefined }) {
    this.#clock = options.clock
    this.#transit = options.transit
  }

  /**
   * Reads the text of that name, which is loaded as UTF-8; undefined if it does not exist.
   * @throws GatewayError `cancelled`, `overloaded` when its turn has not come in time, or what loading throws
   */
  async read(
    name: string,
    { principal, part, signal, timeoutMs }: Read,
    load: () => Promise<Buffer | undefined>,
  ): Promise<string | undefined> {
    if (signal.aborted) throw new GatewayError('cancelled')
    const recent = part && part.length <= SMALL_PART ? this.#recent.get(name) : undefined
    if (recent !== undefined) return recent.part(part)
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
    const place = this.#queue.add({ name, part, load, resolve, reject }, ownerOf(principal))
    const leave = (error: GatewayError): void => {
      this.#queue.remove(place)
      reject(error)
    }
    const stopListening = onAbort(signal, () => leave(new GatewayError('cancelled')))
    const stopTimer = this.#clock.after(timeoutMs, () =>
      leave(overloaded('Too many large results are being read to read this one in time')),
    )
    if (!this.#isReading) void this.#readAll()
    try {
      return await promise
    } finally {
      stopListening()
      stopTimer()
    }
  }

  async #readAll(): Promise<void> {
    this.#isReading = true
    for (let place = this.#queue.first; place !== undefined; place = this.#queue.first) {
      const { item } = place
      this.#queue.served(place)
      if (item !== undefined) await this.#serve(item)
      await this.#room()
    }
    this.#isReading = false
  }

  async #serve({ name, part, load, resolve, reject }: Waiting): Promise<void> {
    try {
      const text = (await this.#text(name, load))?.part(part)
      this.#passedOnAt = this.#clock.monotonic()
      this.#transit?.receive(text?.length ?? 0)
      this.#transit?.pass(text?.length ?? 0)
      resolve(text)
    } catch (error) {
      reject(error)
    }
  }

  async #text(name: string, load: () => Promise<Buffer | undefined>): Promise<CompactText | undefined> {
    const recent = this.#recent.get(name)
    if (recent !== undefined) return recent
    const bytes = await load()
    if (bytes === undefined) return undefined
    const text = new CompactText(bytes)
    this.#recent.set(name, text)
    this.#clock.after(RECENT_MS, () => this.#recent.delete(name))
    return text
  }

  /** Waits until the previous text is written, others had as much time as that took, and clients have read enough. */
  async #room(): Promise<void> {
    await nextTurn()
    // A call needs several turns of the event loop: with a text in each of them, it would wait for as many texts.
    const took = this.#clock.monotonic() - this.#passedOnAt
    if (took > SHORT_MS && this.#queue.first !== undefined)
      await sleep(this.#clock, Math.min(took, LONGEST_MS))
    const transit = this.#transit
    if (transit?.isHigh !== true) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const goOn = (): boolean => {
      resolve()
      return false
    }
    transit.wait(new PendingPlace({ goOn }))
    await promise
  }
}
