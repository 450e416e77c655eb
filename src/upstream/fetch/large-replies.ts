import { systemClock } from '../../domain/clock.ts'
import { overloaded } from '../../domain/concurrency/gated-work.ts'
import { TransitBytes, type Waiting } from '../../domain/concurrency/transit-bytes.ts'
import { PendingList, PendingPlace } from '../../domain/concurrency/waits.ts'
import type { GatewayError } from '../../domain/errors/errors.ts'
import type { Source } from '../messages/paced-input.ts'

/** Above this, in bytes, a response is a large one. */
export const LARGE_BYTES = 256 * 1024

/** A response that has become large. */
export class LargeReply {
  readonly source: Source
  readonly place = new PendingPlace<LargeReply>(this)
  /** What of it is counted. */
  bytes = 0
  isHeld = false
  /** It came later than its server sent it. */
  wasHeld = false

  /** @param source what of it arrives from now on; it is resumed while undici reads nothing */
  constructor(source: Source) {
    this.source = source
  }
}

/**
 * The large responses of a server that are being received. While there are too many bytes in transit, all but the oldest are
 * held; that one goes on, so that there is always one that ends.
 */
export class LargeReplies implements Waiting {
  readonly #transit: TransitBytes
  readonly #place = new PendingPlace<Waiting>(this)
  /** The oldest first. */
  readonly #all = new PendingList<LargeReply>()
  #held = 0

  /** @param transit counts them; by default without a limit */
  constructor(transit: TransitBytes = new TransitBytes({ limit: Infinity, clock: systemClock })) {
    this.#transit = transit
  }

  /** So many bytes of the reply are in memory now. */
  receive(reply: LargeReply, bytes: number): void {
    this.#transit.receive(bytes - reply.bytes)
    reply.bytes = bytes
    this.#all.add(reply.place)
    if (reply.isHeld || this.#mayGoOn(reply)) return
    reply.isHeld = reply.wasHeld = true
    this.#held += 1
    reply.source.pause()
    this.#transit.wait(this.#place)
  }

  /** What is in memory of the reply is on its way to its client. Idempotent. */
  pass(reply: LargeReply): void {
    this.#transit.pass(reply.bytes)
    reply.bytes = 0
    this.#leave(reply)
  }

  /** Nothing is in memory of the reply any more. Idempotent. */
  drop(reply: LargeReply): void {
    this.#transit.receive(-reply.bytes)
    reply.bytes = 0
    this.#leave(reply)
  }

  goOn(isOldestOnly: boolean): boolean {
    let place = this.#all.first
    if (!isOldestOnly) while (place !== undefined && !place.item.isHeld) place = place.next
    if (place?.item.isHeld) this.#letGo(place.item)
    return this.#held > 0
  }

  #mayGoOn(reply: LargeReply): boolean {
    return this.#all.first === reply.place ? !this.#transit.isFull : !this.#transit.isHigh
  }

  #leave(reply: LargeReply): void {
    const wasFirst = this.#all.first === reply.place
    if (!this.#all.remove(reply.place)) return
    if (reply.isHeld) this.#letGo(reply)
    // While undici reads one response, no other one can go on.
    if (wasFirst && this.#held > 0) queueMicrotask(() => this.#letOldestGo())
  }

  #letOldestGo(): void {
    if (!this.#transit.isFull) this.goOn(true)
  }

  #letGo(reply: LargeReply): void {
    reply.isHeld = false
    this.#held -= 1
    if (this.#held === 0) this.#transit.stopWaiting(this.#place)
    reply.source.resume()
  }
}

/** The error of a request that timed out and whose response was held: its server may have responded in time. */
export function heldTooLong(): GatewayError {
  return overloaded('Large results that clients have not read leave no memory for the response', {
    mayHaveExecuted: true,
  })
}
