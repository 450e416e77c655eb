const NEWLINE = 0x0a

/** Lines of records in UTF-8. They are decoded only on demand, and passed to other threads as bytes. */
export class RecordLines {
  readonly count: number
  readonly #pieces: readonly Uint8Array[]

  /** @param pieces whole lines, each with its newline; `count` of them */
  constructor(pieces: readonly Uint8Array[], count: number) {
    this.#pieces = pieces
    this.count = count
  }

  /** Of lines without their newlines. */
  static of(lines: readonly string[]): RecordLines {
    return new RecordLines([encodeLines(lines)], lines.length)
  }

  /** The lines without their newlines. */
  strings(): string[] {
    return Buffer.concat(this.#pieces).toString('utf8').split('\n').slice(0, -1)
  }

  /** All bytes in one piece, which its receiver may change or transfer. */
  copy(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const piece of this.#pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }
}

/** Lines in UTF-8, each with its newline. @param lines without them */
export function encodeLines(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}

/** How many whole lines some bytes begin with, at most `limit`, and where they end. */
export function linesIn(bytes: Uint8Array, limit: number): { readonly count: number; readonly end: number } {
  let count = 0
  let end = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1 && count < limit; at = bytes.indexOf(NEWLINE, end)) {
    count += 1
    end = at + 1
  }
  return { count, end }
}
