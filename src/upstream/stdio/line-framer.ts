import { isTooHeavy } from '../../domain/json/json-weight.ts'

/** What is stored of a line that is too long: enough to find the id of its message. */
const HEAD_BYTES = 256
const TAIL_BYTES = 256
/** A larger buffer is released after its line. */
const KEPT_BYTES = 64 * 1024
const NEWLINE = 0x0a
const NOTHING = Buffer.alloc(0)

/** Gets the lines of a framer. */
export interface LineListener {
  readonly onLine: (line: string) => void
  /**
   * A line is longer than the limit, or too heavy (`isTooHeavy`). Called when that is known, with its first bytes, and
   * again at its end, then with its last bytes too.
   */
  readonly onOversized: (head: string, tail: string | undefined) => void
}

/** Cuts a byte stream into lines; a line longer than the limit is discarded while it arrives, not stored. */
export class LineFramer {
  readonly #maxBytes: number
  readonly #listener: LineListener
  #buffer = NOTHING
  #size = 0
  #count = 0
  /** First and last bytes of the line being discarded; undefined while no line is. */
  #discarded: { readonly head: string; tail: Buffer } | undefined

  constructor(options: { maxBytes: number; listener: LineListener }) {
    this.#maxBytes = options.maxBytes
    this.#listener = options.listener
  }

  /** How many lines have ended. */
  get count(): number {
    return this.#count
  }

  /** Takes at most `maxLines` lines; returns how many bytes were taken. */
  push(chunk: Buffer, maxLines = Number.POSITIVE_INFINITY): number {
    let start = 0
    let lines = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (lines === maxLines) return start
      lines += 1
      this.#count += 1
      this.#endLine(chunk.subarray(start, end))
      start = end + 1
    }
    if (start < chunk.length) this.#append(chunk.subarray(start))
    return chunk.length
  }

  #append(part: Buffer): void {
    if (this.#discarded !== undefined) {
      this.#discarded.tail = lastBytes(this.#discarded.tail, part)
      return
    }
    if (this.#size + part.length <= this.#maxBytes) {
      this.#store(part)
      return
    }
    const head = Buffer.concat([this.#buffer.subarray(0, this.#size), part.subarray(0, HEAD_BYTES)])
    const text = head.toString('utf8', 0, HEAD_BYTES)
    this.#discarded = { head: text, tail: lastBytes(NOTHING, part) }
    this.#clear()
    this.#listener.onOversized(text, undefined)
  }

  #endLine(rest: Buffer): void {
    const isWhole = this.#size === 0 && this.#discarded === undefined && rest.length <= this.#maxBytes
    if (isWhole) {
      if (rest.length > 0) this.#tell(rest)
      return
    }
    this.#append(rest)
    if (this.#discarded === undefined) {
      const line = this.#buffer.subarray(0, this.#size)
      this.#clear()
      this.#tell(line)
      return
    }
    const { head, tail } = this.#discarded
    this.#discarded = undefined
    this.#listener.onOversized(head, tail.toString('utf8'))
  }

  #tell(line: Buffer): void {
    if (!isTooHeavy(line)) return this.#listener.onLine(line.toString('utf8'))
    const head = line.toString('utf8', 0, HEAD_BYTES)
    this.#listener.onOversized(head, undefined)
    this.#listener.onOversized(head, lastBytes(NOTHING, line).toString('utf8'))
  }

  /** Copies, doubling the room, so that a line in single bytes costs no more than one in large pieces. */
  #store(part: Buffer): void {
    const needed = this.#size + part.length
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(this.#buffer.length * 2, this.#maxBytes)))
      this.#buffer.copy(larger, 0, 0, this.#size)
      this.#buffer = larger
    }
    part.copy(this.#buffer, this.#size)
    this.#size = needed
  }

  #clear(): void {
    this.#size = 0
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = NOTHING
  }
}

function lastBytes(tail: Buffer, part: Buffer): Buffer {
  const recent = part.subarray(Math.max(0, part.length - TAIL_BYTES))
  const older = tail.subarray(Math.max(0, tail.length - (TAIL_BYTES - recent.length)))
  return Buffer.concat([older, recent])
}
