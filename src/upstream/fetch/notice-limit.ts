import type { Clock } from '../../domain/clock.ts'
import { importanceOf } from '../messages/notification-scan.ts'
import { LineEnds, pastEnd } from './line-ends.ts'

/** Events of one stream that come at once, and in each second that follows, before notifications are left out. */
const AT_ONCE = 10_000
const PER_SECOND = 1000
/** The beginning of a larger event is not buffered until its end arrives. */
const MAX_KEPT = 8 * 1024
/** Different notifications of changes that are compared with what follows in the same bytes. */
const MAX_COMPARED = 16
const DATA = Buffer.from('data:')
const EVENT = Buffer.from('event:')
const NOTHING = Buffer.alloc(0)

/** Where a stream is: where an event begins, where another line begins, or inside of a line. */
export type StreamPlace = 'event' | 'line' | 'inside'

/**
 * Leaves notifications out of an event stream that has more events than any server sends that is no flood, before anything is
 * made of them: of each, little would be left but garbage. Answers and requests always pass, and so does what is in doubt.
 */
export class NoticeLimit {
  readonly #clock: Clock
  readonly #onLeftOut: (count: number) => void
  #left = AT_ONCE
  #at: number
  #counted = 0
  /** Whether the next bytes begin an event; known only while notifications are dropped. */
  #isAligned = false
  /** The beginning of an event whose end has not come. */
  #kept: Buffer = NOTHING

  /** @param options.onLeftOut told for each chunk how many notifications were left out of it */
  constructor(options: { clock: Clock; onLeftOut?: ((count: number) => void) | undefined }) {
    this.#clock = options.clock
    this.#onLeftOut = options.onLeftOut ?? (() => undefined)
    this.#at = options.clock.monotonic()
  }

  /** Notes how many events of the stream have passed; returns whether there are too many. */
  isOver(events: number): boolean {
    const now = this.#clock.monotonic()
    const gained = ((now - this.#at) / 1000) * PER_SECOND
    this.#left = Math.min(AT_ONCE, this.#left + gained) - (events - this.#counted)
    this.#at = now
    this.#counted = events
    return this.#left < 0
  }

  /**
   * What passes of the bytes of a stream that has too many events.
   * @param place where the stream is, as far as it has passed
   */
  within(chunk: Buffer, place: StreamPlace): Buffer {
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk])
    this.#kept = NOTHING
    const passed: Buffer[] = []
    const told: Buffer[] = []
    const ends = new LineEnds(bytes)
    const event = new EventPlace()
    let isAligned = this.#isAligned || place === 'event'
    let start = 0
    let leftOut = 0
    let end = event.read(bytes, ends, place === 'inside' && !isAligned ? pastEnd(bytes, ends.after(0)) : 0)
    for (; end !== undefined; end = event.read(bytes, ends, start)) {
      if (isAligned && isLeftOut(bytes, { start, end, event }, told)) leftOut += 1
      else passed.push(bytes.subarray(start, end))
      isAligned = true
      start = end
    }
    this.#onLeftOut(leftOut)
    const rest = bytes.subarray(start)
    this.#isAligned = isAligned && rest.length <= MAX_KEPT
    if (this.#isAligned) this.#kept = Buffer.from(rest)
    else passed.push(rest)
    const [first = NOTHING, ...more] = passed
    return more.length === 0 ? first : Buffer.concat(passed)
  }

  /** What was kept back, which passes now: the stream has ended, or is within the limit again. */
  takeKept(): Buffer {
    const kept = this.#kept
    this.#kept = NOTHING
    this.#isAligned = false
    return kept
  }
}

/** Where an event stands, and where its data; one for all events of a chunk, as each would be garbage. */
class EventPlace {
  dataStart = 0
  dataEnd = 0
  /** Whether it has one line of data, and is of the type that messages have. */
  isPlain = false

  /** Reads the event that begins at `start`; returns where it ends, undefined if its empty line has not come. */
  read(bytes: Buffer, ends: LineEnds, start: number): number | undefined {
    this.isPlain = true
    this.dataStart = -1
    for (let line = start; line < bytes.length;) {
      const end = ends.after(line)
      if (end === bytes.length) return undefined
      if (end === line) return pastEnd(bytes, end)
      this.#readLine(bytes, line, end)
      line = pastEnd(bytes, end)
    }
    return undefined
  }

  #readLine(bytes: Buffer, start: number, end: number): void {
    if (startsWith(bytes, start, DATA)) {
      // Data in several lines is in doubt.
      if (this.dataStart !== -1) this.isPlain = false
      this.dataStart = start + DATA.length
      this.dataEnd = end
    } else if (startsWith(bytes, start, EVENT))
      this.isPlain &&= bytes.toString('latin1', start + EVENT.length, end).trim() === 'message'
  }
}

function startsWith(bytes: Buffer, start: number, text: Buffer): boolean {
  for (let at = 0; at < text.length; at += 1) if (bytes[start + at] !== text[at]) return false
  return true
}

/** @param told notifications of changes that pass with the same bytes, to which it may be added */
function isLeftOut(
  bytes: Buffer,
  { start, end, event }: { readonly start: number; readonly end: number; readonly event: EventPlace },
  told: Buffer[],
): boolean {
  if (!event.isPlain || event.dataStart === -1) return false
  const importance = importanceOf(bytes, event.dataStart, event.dataEnd)
  if (importance !== 'telling') return importance === 'passing'
  const text = bytes.subarray(start, end)
  if (told.some((each) => each.equals(text))) return true
  if (told.length < MAX_COMPARED) told.push(text)
  return false
}
