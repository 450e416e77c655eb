import type { RequestId } from '@modelcontextprotocol/client'
import { JsonWeight, LIGHT_BYTES, mostWeight } from '../../domain/json/json-weight.ts'
import type { EventHeads } from './event-heads.ts'
import { CARRIAGE_RETURN, LineEnds, NEWLINE, pastEnd } from './line-ends.ts'
import type { StreamPlace } from './notice-limit.ts'
import { NOTHING_SAID } from '../messages/nothing-said.ts'
import { oversizedReply, responseId } from '../messages/oversized-message.ts'
import { LARGE_BYTES } from './large-replies.ts'

const HEAD_BYTES = 512
const TAIL_BYTES = 256
const EVENT_END = '\n\n'
const LINE_FEED = Buffer.from('\n')
/** Until it reads another event, the SDK keeps the last one, as text and as a value. */
const NEXT_EVENT = Buffer.from(`data: ${JSON.stringify(NOTHING_SAID)}${EVENT_END}`)

/** Called for each event; undefined without a listener. */
export type EventListener =
  { readonly note: EventHeads['note']; readonly endsAtEndpoint: boolean } | undefined

/** Where a stream passes what it has taken. */
export type Output = TransformStreamDefaultController<Uint8Array>

/** Limits each event of one stream; see `limitEvents`. */
export class EventLimiter {
  /** Whether nothing more of the stream is passed on. */
  hasEnded = false
  readonly #maxBytes: number
  readonly #requestId: () => RequestId | undefined
  readonly #heads: EventListener
  /** Of the current event: its size so far, its first bytes, and while it is being dropped its last ones. */
  #size = 0
  #head = ''
  #tail: string | undefined
  readonly #weight = new JsonWeight()
  /** Whether the current line holds nothing yet. */
  #isBlankLine = true
  /** Whether the last line ended with a carriage return at the end of a chunk: a newline that follows belongs to it. */
  #hasReturned = false
  #events = 0

  constructor(options: { maxBytes: number; requestId: () => RequestId | undefined; heads: EventListener }) {
    this.#maxBytes = options.maxBytes
    this.#requestId = options.requestId
    this.#heads = options.heads
  }

  /** Bytes of the event that has not ended yet; none of one that is dropped. */
  get size(): number {
    return this.#tail === undefined ? this.#size : 0
  }

  /** How many events have ended, empty ones included. */
  get count(): number {
    return this.#events
  }

  /** Where the stream is; behind a carriage return, to which a newline may belong, in doubt. */
  get place(): StreamPlace {
    if (this.#hasReturned || !this.#isBlankLine) return 'inside'
    return this.#size === 0 ? 'event' : 'line'
  }

  push(given: Uint8Array, output: Output): void {
    // Texts are taken from it without a view of each: those would be most of what a flood of small events costs.
    const chunk = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
    const ends = new LineEnds(chunk)
    let passFrom: number | undefined = this.#begin(chunk)
    for (let start = passFrom; start < chunk.length && passFrom !== undefined;) {
      const end = pastEnd(chunk, ends.after(start))
      passFrom = this.#line(chunk, { passFrom, start, end }, output)
      start = end
    }
    if (passFrom !== undefined) this.#passRest(chunk, passFrom, output)
  }

  /** Where the first line of a chunk begins: behind a newline that belongs to the carriage return before it. */
  #begin(chunk: Buffer): number {
    const from = this.#hasReturned && chunk[0] === NEWLINE ? 1 : 0
    if (chunk.length > 0) this.#hasReturned = false
    return from
  }

  /** Takes a line, or what there is of it; returns from where the chunk is to be passed on, undefined at the end of all. */
  #line(
    chunk: Buffer,
    { passFrom, start, end }: { passFrom: number; start: number; end: number },
    output: Output,
  ): number | undefined {
    const wasDropping = this.#tail !== undefined
    this.#take(chunk, start, end)
    if (this.#tail !== undefined && !wasDropping) {
      if (passFrom < start) output.enqueue(chunk.subarray(passFrom, start))
      if (this.#refuse(output) === 'ended') return undefined
    }
    if (!isLineEnd(chunk[end - 1])) return passFrom
    const isLarge = this.#size > LARGE_BYTES
    const next = this.#endLine(chunk, end, output)
    if (next === 'ended') return undefined
    if (next === 'starts again') return end
    if (!isLarge || this.#size > 0) return passFrom
    output.enqueue(chunk.subarray(passFrom, end))
    output.enqueue(NEXT_EVENT)
    return end
  }

  #passRest(chunk: Buffer, passFrom: number, output: Output): void {
    this.#hasReturned ||= chunk.at(-1) === CARRIAGE_RETURN
    if (this.#tail !== undefined || passFrom >= chunk.length) return
    output.enqueue(chunk.subarray(passFrom))
    // What reads the stream would wait for it, to know whether this is one end of a line or two.
    if (this.#hasReturned) output.enqueue(LINE_FEED)
  }

  /** Notes the event that ends here; says whether it shows that the stream is none of Streamable HTTP. */
  #isForeign(chunk: Buffer, end: number): boolean {
    if (this.#heads === undefined || this.#head.trim() === '') return false
    const tail = chunk.toString('latin1', Math.max(0, end - TAIL_BYTES), end)
    const isEndpoint = this.#heads.note({ head: this.#head, tail, whole: this.#requestId })
    return isEndpoint && this.#heads.endsAtEndpoint
  }

  #take(chunk: Buffer, start: number, end: number): void {
    this.#size += end - start
    if (this.#head.length < HEAD_BYTES)
      this.#head += chunk.toString('latin1', start, Math.min(end, start + HEAD_BYTES))
    const isBreak = end - start <= 2 && isLineEnd(chunk[start]) && isLineEnd(chunk[end - 1])
    this.#isBlankLine &&= isBreak
    if (this.#tail !== undefined) {
      this.#tail = (this.#tail + chunk.toString('latin1', Math.max(start, end - TAIL_BYTES), end)).slice(
        -TAIL_BYTES,
      )
    } else if (this.#size > this.#maxBytes || this.#isTooHeavy(chunk, start, end)) {
      this.#tail = chunk.toString('latin1', Math.max(start, end - TAIL_BYTES), end)
    }
  }

  /**
   * As the largest event may weigh: how large this one is, is not known yet. Whole lines of an event that is still small are
   * not looked at: they cannot weigh much.
   */
  #isTooHeavy(chunk: Buffer, start: number, end: number): boolean {
    const isEnd = isLineEnd(chunk[end - 1])
    if (!isEnd || this.#size > LIGHT_BYTES) this.#weight.take(chunk, start, end)
    if (isEnd) this.#weight.endLine()
    return this.#weight.total > mostWeight(this.#maxBytes)
  }

  /** Cuts the event short, which makes it invalid JSON that the SDK skips, and answers in its place. */
  #refuse(output: Output): 'ended' | 'goes on' {
    output.enqueue(Buffer.from(EVENT_END))
    const whole = this.#requestId()
    answer(output, whole ?? responseId(dataOf(this.#head), undefined))
    if (whole === undefined) return 'goes on'
    return this.#end(output)
  }

  #end(output: Output): 'ended' {
    this.hasEnded = true
    output.terminate()
    return 'ended'
  }

  /** Notes the end of a line; says whether passing on starts again after it, or the stream is over. */
  #endLine(chunk: Buffer, end: number, output: Output): 'starts again' | 'goes on' | 'ended' {
    const isEventEnd = this.#isBlankLine
    this.#isBlankLine = true
    if (!isEventEnd) return 'goes on'
    this.#events += 1
    if (this.#isForeign(chunk, end)) return this.#end(output)
    const dropped = this.#tail
    if (dropped !== undefined) answer(output, responseId(dataOf(this.#head), dropped))
    this.#size = 0
    this.#head = ''
    this.#tail = undefined
    this.#weight.clear()
    return dropped === undefined ? 'goes on' : 'starts again'
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === NEWLINE || byte === CARRIAGE_RETURN
}

function answer(output: Output, id: RequestId | undefined): void {
  if (id !== undefined) output.enqueue(Buffer.from(`data: ${JSON.stringify(oversizedReply(id))}${EVENT_END}`))
}

function dataOf(head: string): string {
  return head.slice(head.indexOf('data:') + 'data:'.length)
}
