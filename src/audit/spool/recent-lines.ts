import { linesIn, RecordLines } from '../record-lines.ts'

/** Lines of a segment, and where the next ones begin. */
export interface Chunk {
  readonly lines: RecordLines
  readonly end: number
}

/**
 * The last lines of a file, as they were appended, so that what is wanted soon need not be read from it. It forgets all
 * of them rather than keep more than a limit.
 */
export class RecentLines {
  readonly #limitBytes: number
  #pieces: Buffer[] = []
  #bytes = 0
  /** Where the file ends. */
  #end = 0

  constructor(options: { limitBytes: number }) {
    this.#limitBytes = options.limitBytes
  }

  /** Whole lines were appended to the file. */
  append(lines: Buffer): void {
    this.#end += lines.length
    if (this.#bytes + lines.length > this.#limitBytes) this.forget()
    else this.#keep(lines)
  }

  /** Up to `limit` lines from a position in the file on; undefined if they are only in the file. */
  read(start: number, limit: number): Chunk | undefined {
    let at = this.#start
    if (start < at || start >= this.#end) return undefined
    const pieces: Buffer[] = []
    let count = 0
    let end = start
    for (const piece of this.#pieces) {
      if (count === limit) break
      const bytes = piece.subarray(Math.max(start - at, 0))
      const found = linesIn(bytes, limit - count)
      pieces.push(bytes.subarray(0, found.end))
      count += found.count
      end += found.end
      at += piece.length
    }
    return { lines: new RecordLines(pieces, count), end }
  }

  /** Forgets the lines before a position; all by default. */
  forget(before = this.#end): void {
    let forgotten = 0
    for (const { length } of this.#pieces) {
      if (this.#start + length > before) break
      this.#bytes -= length
      forgotten += 1
    }
    this.#pieces.splice(0, forgotten)
  }

  get #start(): number {
    return this.#end - this.#bytes
  }

  #keep(lines: Buffer): void {
    this.#pieces.push(lines)
    this.#bytes += lines.length
  }
}
