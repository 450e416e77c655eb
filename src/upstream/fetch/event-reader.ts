import { ResponseTooLarge } from '../messages/oversized-message.ts'
import { CARRIAGE_RETURN, LineEnds, NEWLINE } from './line-ends.ts'

const COLON = 0x3a
const BLANK = 0x20
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
/** More than a byte order mark with a field that says something by its first bytes, such as `event: message`. */
const HEAD_BYTES = 32
const LINE_BREAK = Buffer.from('\n')

/** The bytes of a line, in chunks: a long one is never joined. */
type Line = readonly Buffer[]

/** What an event stream tells. */
interface EventListener {
  /** The data of an event of type `message`, which is the default, in chunks. */
  readonly onData: (chunks: readonly Buffer[]) => void
  /** An event had an id, from which the stream could be resumed. */
  readonly onId: () => void
}

/** Takes a `text/event-stream` apart (HTML, server-sent events §9.2.6) without making text of its data. */
export class EventReader {
  readonly #maxBytes: number
  readonly #listener: EventListener
  /** The beginning of a line that has not ended yet. */
  readonly #line: Buffer[] = []
  /** Whether no line has ended yet: the first one may begin with a byte order mark. */
  #isFirst = true
  /** Whether the last line ended with a carriage return: a newline that follows belongs to it. */
  #hasReturned = false
  /** Of the present event: its size so far, its data, and whether its type is another one. */
  #size = 0
  #data: Line[] = []
  #isOther = false
  #events = 0

  constructor(options: EventListener & { readonly maxBytes: number }) {
    this.#listener = options
    this.#maxBytes = options.maxBytes
  }

  /** Bytes of the event that has not ended yet. */
  get size(): number {
    return this.#size
  }

  /** How many events have ended. */
  get count(): number {
    return this.#events
  }

  /**
   * Takes at most `maxEvents` events; returns how many bytes that were.
   * @throws ResponseTooLarge if an event is larger than the limit
   */
  push(chunk: Buffer, maxEvents = Number.POSITIVE_INFINITY): number {
    const last = this.#events + maxEvents
    const ends = new LineEnds(chunk)
    for (let start = 0; ;) {
      if (this.#hasReturned && start < chunk.length) {
        this.#hasReturned = false
        if (chunk[start] === NEWLINE) start += 1
      }
      if (this.#events >= last) return start
      const end = ends.after(start)
      const part = chunk.subarray(start, end)
      this.#size += part.length
      if (this.#size > this.#maxBytes) throw new ResponseTooLarge('an event is too large')
      if (end === chunk.length) {
        if (part.length > 0) this.#line.push(part)
        return end
      }
      if (this.#line.length === 0) this.#endLine(part, [])
      else this.#endLongLine([...this.#line.splice(0), part])
      this.#hasReturned = chunk[end] === CARRIAGE_RETURN
      start = end + 1
    }
  }

  #endLongLine(line: Line): void {
    const [first, ...rest] = line
    if (first !== undefined && first.length >= HEAD_BYTES) this.#endLine(first, rest)
    else this.#endLine(Buffer.concat(line), [])
  }

  /** @param given the whole line, or so much of it that `rest` can only be more of the data */
  #endLine(given: Buffer, rest: Line): void {
    const line = this.#isFirst ? withoutByteOrderMark(given) : given
    this.#isFirst = false
    if (line.length === 0) return this.#endEvent()
    const colon = line.indexOf(COLON)
    const name = line.toString('latin1', 0, colon === -1 ? line.length : Math.min(colon, 8))
    const from = line[colon + 1] === BLANK ? colon + 2 : colon + 1
    const value = colon === -1 ? line.subarray(line.length) : line.subarray(from)
    if (name === 'data') this.#data.push(rest.length === 0 ? [value] : [value, ...rest])
    else if (name === 'event') this.#isOther = value.length > 0 && value.toString() !== 'message'
    else if (name === 'id') this.#listener.onId()
  }

  #endEvent(): void {
    this.#events += 1
    const [first, ...more] = this.#data
    const isData = first !== undefined && !this.#isOther
    this.#data = []
    this.#size = 0
    this.#isOther = false
    if (!isData) return
    const data = more.length === 0 ? first : joined([first, ...more])
    if (data.some(({ length }) => length > 0)) this.#listener.onData(data)
  }
}

function withoutByteOrderMark(line: Buffer): Buffer {
  return line.subarray(0, 3).equals(BYTE_ORDER_MARK) ? line.subarray(3) : line
}

function joined(lines: readonly Line[]): Buffer[] {
  return lines.flatMap((line, index) => (index === 0 ? line : [LINE_BREAK, ...line]))
}
