import { ResponseTooLarge } from '../messages/oversized-message.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const COLON = 0x3a
const BLANK = 0x20

/** What an event stream tells. */
interface EventListener {
  /** The data of an event of type `message`, which is the default. */
  readonly onData: (data: Buffer) => void
  /** An event had an id, from which the stream could be resumed. */
  readonly onId: () => void
}

/** Takes a `text/event-stream` apart (HTML, server-sent events §9.2.6) without making text of its data. */
export class EventReader {
  readonly #maxBytes: number
  readonly #listener: EventListener
  /** The beginning of a line that has not ended yet. */
  readonly #line: Buffer[] = []
  /** Of the present event: its size so far, its data, and whether its type is another one. */
  #size = 0
  #data: Buffer[] = []
  #isOther = false
  #events = 0

  constructor(options: EventListener & { readonly maxBytes: number }) {
    this.#listener = options
    this.#maxBytes = options.maxBytes
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
    for (let start = 0; ;) {
      if (this.#events >= last) return start
      const newline = chunk.indexOf(NEWLINE, start)
      const end = newline === -1 ? chunk.length : newline
      this.#size += end - start
      if (this.#size > this.#maxBytes) throw new ResponseTooLarge('an event is too large')
      const part = chunk.subarray(start, end)
      if (newline === -1) {
        if (part.length > 0) this.#line.push(part)
        return chunk.length
      }
      this.#endLine(this.#line.length === 0 ? part : Buffer.concat([...this.#line.splice(0), part]))
      start = newline + 1
    }
  }

  #endLine(given: Buffer): void {
    const line = given.at(-1) === CARRIAGE_RETURN ? given.subarray(0, -1) : given
    if (line.length === 0) return this.#endEvent()
    const colon = line.indexOf(COLON)
    const name = line.toString('latin1', 0, colon === -1 ? line.length : Math.min(colon, 8))
    const from = line[colon + 1] === BLANK ? colon + 2 : colon + 1
    const value = colon === -1 ? line.subarray(line.length) : line.subarray(from)
    if (name === 'data') this.#data.push(value)
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
    if (data.length > 0) this.#listener.onData(data)
  }
}

function joined(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line, index) => (index === 0 ? [line] : [Buffer.from('\n'), line])))
}
