import { setImmediate } from 'node:timers/promises'
import type { RequestId } from '@modelcontextprotocol/client'
import { sleep, systemClock } from '../../domain/clock.ts'
import { EventLimiter, type EventListener, type Output } from './event-limiter.ts'
import { LargeReplies } from './large-replies.ts'
import { LargeTransfer } from './large-transfer.ts'
import { LineEnds } from './line-ends.ts'
import { NoticeLimit } from './notice-limit.ts'
import { MESSAGES_A_TURN, restAfter } from '../messages/paced-input.ts'

/** Larger chunks are handled in slices. */
const MAX_CHUNK = 64 * 1024
/** Of an event there are two or three, and an empty one. */
const LINES_A_TURN = 3 * MESSAGES_A_TURN
/** A long message, or a deep one, may take a millisecond for each few tens of KB. */
const BYTES_A_TURN = 128 * 1024

/**
 * Limits each event of a `text/event-stream` to `maxBytes`. The rest of a larger one is dropped and an error
 * response takes its place, so that its request fails at once: the SDK would take a broken stream for a
 * lost connection, and the request would wait for its timeout. Lines end as in `LineEnds`; a carriage return at the end
 * of a chunk is passed on with its newline, which may come later or not at all. Of a flood, notifications are left out
 * (`NoticeLimit`).
 * @param requestId the request that the whole stream answers, if it answers one; the stream then ends
 * @param told.heads told of each event. A response stream that turns out to be one of HTTP+SSE ends.
 * @param told.transfer told of large events
 * @param told.onLeftOut told how many notifications were left out of each chunk, of a flood
 */
export function limitEvents(
  maxBytes: number,
  requestId: () => RequestId | undefined,
  told: {
    readonly heads?: EventListener
    readonly transfer?: LargeTransfer
    readonly onLeftOut?: (count: number) => void
  } = {},
): TransformStream<Uint8Array, Uint8Array> {
  const { heads, transfer = new LargeTransfer(new LargeReplies()), onLeftOut } = told
  const limiter = new EventLimiter({ maxBytes, requestId, heads })
  const turns = new Turns({ limiter, requestId, transfer, onLeftOut })
  return new TransformStream({
    transform: (chunk, controller) => turns.push(chunk, controller),
    flush: (controller) => turns.end(controller),
    cancel: () => transfer.drop(),
  })
}

/**
 * Lets everything else in this process have its turn while many events are handled that came at once, be it in one piece
 * or in many. The stream of one request is read slowly after many events (`restAfter`).
 */
class Turns {
  readonly #limiter: EventLimiter
  readonly #requestId: () => RequestId | undefined
  readonly #transfer: LargeTransfer
  readonly #notices: NoticeLimit
  /** In this turn. */
  #lines = 0
  #bytes = 0

  constructor(options: {
    limiter: EventLimiter
    requestId: () => RequestId | undefined
    transfer: LargeTransfer
    onLeftOut: ((count: number) => void) | undefined
  }) {
    this.#notices = new NoticeLimit({ clock: systemClock, onLeftOut: options.onLeftOut })
    this.#limiter = options.limiter
    this.#requestId = options.requestId
    this.#transfer = options.transfer
  }

  push(chunk: Uint8Array, output: Output): Promise<void> | undefined {
    if (chunk.length > MAX_CHUNK) return this.#pushSlices(chunk, output)
    // With the end of its line, a large event becomes a value.
    if (this.#transfer.isLarge && new LineEnds(chunk).after(0) < chunk.length)
      return this.#transfer.turn().then(() => this.#pushSlice(chunk, output))
    return this.#pushSlice(chunk, output)
  }

  #pushSlice(chunk: Uint8Array, output: Output): Promise<void> | undefined {
    const pushed = this.#pushLimited(chunk, output)
    if (pushed !== undefined) return pushed.then(() => this.#transfer.receive(this.#limiter.size))
    return this.#transfer.receive(this.#limiter.size)
  }

  #pushLimited(chunk: Uint8Array, output: Output): Promise<void> | undefined {
    if (this.#notices.isOver(this.#limiter.count)) return this.#pushLess(chunk, output)
    const kept = this.#notices.takeKept()
    return this.#push(kept.length === 0 ? chunk : Buffer.concat([kept, chunk]), output)
  }

  /** Passes on what was kept back at the end of the stream. */
  async end(output: Output): Promise<void> {
    await this.#push(this.#notices.takeKept(), output)
    this.#transfer.pass()
  }

  async #pushSlices(chunk: Uint8Array, output: Output): Promise<void> {
    for (let at = 0; at < chunk.length && !this.#limiter.hasEnded; at += MAX_CHUNK)
      await this.push(chunk.subarray(at, at + MAX_CHUNK), output)
  }

  /** What is left out takes time, too. */
  async #pushLess({ buffer, byteOffset, byteLength }: Uint8Array, output: Output): Promise<void> {
    await this.#push(
      this.#notices.within(Buffer.from(buffer, byteOffset, byteLength), this.#limiter.place),
      output,
    )
    if (!this.#limiter.hasEnded) await this.#rest()
  }

  #push(chunk: Uint8Array, output: Output): Promise<void> | undefined {
    const end = this.#endOfTurn(chunk)
    this.#limiter.push(chunk.subarray(0, end), output)
    this.#bytes += end
    if (!this.#isTurnOver() || this.#limiter.hasEnded) return undefined
    return this.#rest().then(() => {
      this.#lines = this.#bytes = 0
      return end === chunk.length ? undefined : this.#push(chunk.subarray(end), output)
    })
  }

  /** In the middle of a line there is no message yet. */
  #isTurnOver(): boolean {
    return this.#lines >= LINES_A_TURN || (this.#lines > 0 && this.#bytes >= BYTES_A_TURN)
  }

  #rest(): Promise<void> {
    const restMs = restAfter(this.#limiter.count)
    if (restMs > 0 && this.#requestId() !== undefined) return sleep(systemClock, restMs)
    return setImmediate()
  }

  /** Where the last line of this turn ends, or all that there is. */
  #endOfTurn(chunk: Uint8Array): number {
    const ends = new LineEnds(chunk)
    let end = 0
    while (this.#lines < LINES_A_TURN) {
      end = ends.after(end) + 1
      if (end > chunk.length) return chunk.length
      this.#lines += 1
    }
    return end
  }
}
