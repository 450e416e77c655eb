/** What is stored of an incomplete line; its beginning is shown once it is complete. */
const LONGEST_BYTES = 64 * 1024
const SHOWN_LENGTH = 4000
const NEWLINE = 0x0a

/**
 * Standard error as lines for people: without secrets, control characters and blank lines, each cut to 4000 characters.
 */
export class StderrLines {
  readonly #redact: (text: string) => string
  readonly #onLine: (line: string) => void
  #parts: Buffer[] = []
  #size = 0
  #count = 0

  /** @param options.redact takes out of a whole line what must not be quoted */
  constructor(options: { redact: (text: string) => string; onLine: (line: string) => void }) {
    this.#redact = options.redact
    this.#onLine = options.onLine
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
      this.#take(chunk.subarray(start, end))
      this.end()
      start = end + 1
    }
    this.#take(chunk.subarray(start))
    return chunk.length
  }

  /** Ends the current line. */
  end(): void {
    if (this.#size === 0) return
    const line = lineOf(this.#redact(Buffer.concat(this.#parts).toString('utf8')))
    this.#parts = []
    this.#size = 0
    if (line !== '') this.#onLine(line)
  }

  #take(part: Buffer): void {
    const kept = part.subarray(0, LONGEST_BYTES - this.#size)
    if (kept.length === 0) return
    // A copy: the part would keep its whole chunk alive.
    this.#parts.push(Buffer.from(kept))
    this.#size += kept.length
  }
}

function lineOf(text: string): string {
  const line = text.replaceAll(/[^\P{C}\t]/gu, '').trimEnd()
  return line.length <= SHOWN_LENGTH ? line : `${line.slice(0, SHOWN_LENGTH)}…`
}
