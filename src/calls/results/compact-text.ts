import { isAscii, transcode } from 'node:buffer'

/** A part of a text, in characters. */
export interface TextPart {
  readonly from: number
  readonly length: number
}

/** A text outside of V8's heap, in characters of one size, so that a part can be read without the rest. */
export class CompactText {
  readonly #bytes: Buffer
  readonly #encoding: 'latin1' | 'utf16le'

  constructor(utf8: Buffer) {
    const isShort = isAscii(utf8)
    this.#encoding = isShort ? 'latin1' : 'utf16le'
    this.#bytes = isShort ? utf8 : transcode(utf8, 'utf8', 'utf16le')
  }

  get bytes(): number {
    return this.#bytes.length
  }

  /** A part of the text, or all of it. */
  part({ from, length }: TextPart = { from: 0, length: Infinity }): string {
    const size = this.#encoding === 'latin1' ? 1 : 2
    return this.#bytes.subarray(from * size, (from + length) * size).toString(this.#encoding)
  }
}
