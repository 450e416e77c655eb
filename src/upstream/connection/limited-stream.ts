import type { RequestId } from '@modelcontextprotocol/client'
import { oversizedReply, ResponseTooLarge, responseId } from './oversized-message.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const HEAD_BYTES = 512
const TAIL_BYTES = 256
const EVENT_END = '\n\n'

/** Fails a body with {@link ResponseTooLarge} once it is larger than `maxBytes`. */
export function limitBody(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.length
      if (size > maxBytes) controller.error(new ResponseTooLarge('the body is too large'))
      else controller.enqueue(chunk)
    },
  })
}

/**
 * Limits each event of a `text/event-stream` to `maxBytes`. The rest of a larger one is dropped and an error
 * response takes its place, so that its request fails at once: the SDK would take a broken stream for a
 * lost connection, and the request would wait for its timeout.
 * @param requestId the request that the whole stream answers, if it answers one; the stream then ends
 */
export function limitEvents(
  maxBytes: number,
  requestId: () => RequestId | undefined,
): TransformStream<Uint8Array, Uint8Array> {
  const limiter = new EventLimiter({ maxBytes, requestId })
  return new TransformStream({ transform: (chunk, controller) => limiter.push(chunk, controller) })
}

type Output = TransformStreamDefaultController<Uint8Array>

class EventLimiter {
  readonly #maxBytes: number
  readonly #requestId: () => RequestId | undefined
  /** Of the current event: its size so far, its first bytes, and while it is being dropped its last ones. */
  #size = 0
  #head = ''
  #tail: string | undefined
  /** Whether the current line holds nothing yet but perhaps a carriage return. */
  #isBlankLine = true

  constructor(options: { maxBytes: number; requestId: () => RequestId | undefined }) {
    this.#maxBytes = options.maxBytes
    this.#requestId = options.requestId
  }

  push(chunk: Uint8Array, output: Output): void {
    let passFrom = 0
    for (let start = 0; start < chunk.length;) {
      const newline = chunk.indexOf(NEWLINE, start)
      const end = newline === -1 ? chunk.length : newline + 1
      const wasDropping = this.#tail !== undefined
      this.#take(chunk, start, end)
      if (this.#tail !== undefined && !wasDropping) {
        if (passFrom < start) output.enqueue(chunk.subarray(passFrom, start))
        if (this.#refuse(output) === 'ended') return
      }
      if (newline !== -1 && this.#endLine(output)) passFrom = end
      start = end
    }
    if (this.#tail === undefined && passFrom < chunk.length) output.enqueue(chunk.subarray(passFrom))
  }

  #take(chunk: Uint8Array, start: number, end: number): void {
    this.#size += end - start
    if (this.#head.length < HEAD_BYTES)
      this.#head += text(chunk.subarray(start, Math.min(end, start + HEAD_BYTES)))
    const isBreak =
      end - start <= 2 &&
      chunk.subarray(start, end).every((byte) => byte === NEWLINE || byte === CARRIAGE_RETURN)
    this.#isBlankLine &&= isBreak
    if (this.#tail !== undefined) {
      this.#tail = (this.#tail + text(chunk.subarray(Math.max(start, end - TAIL_BYTES), end))).slice(
        -TAIL_BYTES,
      )
    } else if (this.#size > this.#maxBytes) {
      this.#tail = text(chunk.subarray(Math.max(start, end - TAIL_BYTES), end))
    }
  }

  /** Cuts the event short, which makes it invalid JSON that the SDK skips, and answers in its place. */
  #refuse(output: Output): 'ended' | 'goes on' {
    output.enqueue(Buffer.from(EVENT_END))
    const whole = this.#requestId()
    answer(output, whole ?? responseId(dataOf(this.#head), undefined))
    if (whole === undefined) return 'goes on'
    output.terminate()
    return 'ended'
  }

  /** Notes the end of a line; says whether passing on starts anew after it. */
  #endLine(output: Output): boolean {
    const isEventEnd = this.#isBlankLine
    this.#isBlankLine = true
    if (!isEventEnd) return false
    const dropped = this.#tail
    if (dropped !== undefined) answer(output, responseId(dataOf(this.#head), dropped))
    this.#size = 0
    this.#head = ''
    this.#tail = undefined
    return dropped !== undefined
  }
}

function answer(output: Output, id: RequestId | undefined): void {
  if (id !== undefined) output.enqueue(Buffer.from(`data: ${JSON.stringify(oversizedReply(id))}${EVENT_END}`))
}

function dataOf(head: string): string {
  return head.slice(head.indexOf('data:') + 'data:'.length)
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
