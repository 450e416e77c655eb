const BLANK = 0x20
const BLANKS = 0x20_20_20_20
const HIGH_BITS = 0x80_80_80_80
const WORD_BYTES = 4

/** Tells where bytes are control characters, which JSON allows in no string. */
export class ControlBytes {
  readonly #bytes: Uint8Array
  /** Bytes before the first whole word. */
  readonly #shift: number
  #words: Uint32Array | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#shift = -bytes.byteOffset & (WORD_BYTES - 1)
  }

  /** Whether one stands from `start` up to, not including, `end`. It reads four bytes at a time. */
  isBetween(start: number, end: number): boolean {
    const first = (start - this.#shift + WORD_BYTES - 1) >> 2
    const last = (end - this.#shift) >> 2
    if (last <= first) return this.#isNear(start, end)
    const words = (this.#words ??= this.#wholeWords())
    for (let at = first; at < last; at += 1) {
      const word = words[at] ?? 0
      // A byte below 0x20 has its high bit set by the subtraction alone.
      if (((word - BLANKS) & ~word & HIGH_BITS) !== 0) return true
    }
    return (
      this.#isNear(start, this.#shift + first * WORD_BYTES) ||
      this.#isNear(this.#shift + last * WORD_BYTES, end)
    )
  }

  #isNear(start: number, end: number): boolean {
    for (let at = start; at < end; at += 1) if ((this.#bytes[at] ?? 0) < BLANK) return true
    return false
  }

  #wholeWords(): Uint32Array {
    const { buffer, byteOffset, length } = this.#bytes
    return new Uint32Array(buffer, byteOffset + this.#shift, (length - this.#shift) >> 2)
  }
}

const STEP = 8
const NO_WORDS = new Int32Array()

/**
 * Whether one stands in bytes that are all ASCII. There the lowest one shows by the subtraction alone, which takes half as
 * long, and so does not to branch for each word.
 */
export function hasControlBytes(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes
  const shift = -byteOffset & (WORD_BYTES - 1)
  const count = Math.max(0, (length - shift) >> 2) & -STEP
  const words = count === 0 ? NO_WORDS : new Int32Array(buffer, byteOffset + shift, count)
  let found = 0
  for (let at = 0; at < count; at += STEP) {
    found |=
      (wordAt(words, at) - BLANKS) |
      (wordAt(words, at + 1) - BLANKS) |
      (wordAt(words, at + 2) - BLANKS) |
      (wordAt(words, at + 3) - BLANKS) |
      (wordAt(words, at + 4) - BLANKS) |
      (wordAt(words, at + 5) - BLANKS) |
      (wordAt(words, at + 6) - BLANKS) |
      (wordAt(words, at + 7) - BLANKS)
  }
  for (let at = 0; at < Math.min(shift, length); at += 1) found |= (bytes[at] ?? 0) - BLANK
  for (let at = shift + count * WORD_BYTES; at < length; at += 1) found |= (bytes[at] ?? 0) - BLANK
  return (found & HIGH_BITS) !== 0
}

function wordAt(words: Int32Array, at: number): number {
  return words[at] ?? 0
}
