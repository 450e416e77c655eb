import { isAscii, isUtf8 } from 'node:buffer'
import { ControlBytes, hasControlBytes } from './control-bytes.ts'

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
/** A shorter run costs more apart than copied. */
const MIN_RUN_BYTES = 4096
/** Behind a backslash the rest of an escape may follow, at the beginning of a chunk, too. */
const ESCAPE_BYTES = 8
/** Bytes of a character of UTF-8 behind its first one. */
const MAX_CONTINUATION = 3
/** Stands in the place of a run. In a string it is a character like others; outside of strings it is not JSON. */
const STAND_IN = Buffer.from('~')

/** Characters that mean themselves in a string of JSON: no quote, no backslash, no control character; whole in UTF-8. */
interface Run {
  /** Where its stand-in is. */
  readonly at: number
  readonly bytes: Buffer
}

/**
 * Text of JSON that arrived in chunks and is never joined: its long runs of plain characters, as images in base64 have
 * them, stay where they are, and only what is around them is copied together. Who reads the small text around them reads
 * the whole: it is JSON with the same structure, or not JSON where a run is not in a string. Immutable.
 */
export class SparseText {
  readonly #text: Buffer
  readonly #runs: readonly Run[]

  private constructor(text: Buffer, runs: readonly Run[]) {
    this.#text = text
    this.#runs = runs
  }

  /** Text of which nothing stands apart. */
  static whole(text: Buffer): SparseText {
    return new SparseText(text, [])
  }

  static of(chunks: readonly Buffer[]): SparseText {
    const sorted = new Sorted()
    for (const chunk of chunks) sorted.add(chunk)
    const { kept, runs } = sorted
    return new SparseText(joined(kept), runs)
  }

  /** What is around the runs, with one character in the place of each. Positions are positions in it. */
  get around(): Buffer {
    return this.#text
  }

  /** Whether anything stands apart. */
  get hasRuns(): boolean {
    return this.#runs.length > 0
  }

  /** Bytes of the whole. */
  get size(): number {
    return this.#runs.reduce((sum, { bytes }) => sum + bytes.length - STAND_IN.length, this.#text.length)
  }

  slice(start: number, end: number): SparseText {
    const text = this.#text.subarray(start, end)
    if (this.#runs.length === 0) return new SparseText(text, this.#runs)
    const runs = this.#runs.filter(({ at }) => at >= start && at < end)
    return new SparseText(text, start === 0 ? runs : runs.map(({ at, bytes }) => ({ at: at - start, bytes })))
  }

  /** The bytes of the whole, in pieces. */
  pieces(): Buffer[] {
    const pieces: Buffer[] = []
    let from = 0
    for (const { at, bytes } of this.#runs) {
      pieces.push(this.#text.subarray(from, at), bytes)
      from = at + STAND_IN.length
    }
    if (from < this.#text.length) pieces.push(this.#text.subarray(from))
    return pieces
  }

  /** The whole, joined if it is in pieces. */
  joined(): Buffer {
    return this.hasRuns ? Buffer.concat(this.pieces()) : this.#text
  }
}

/** Chunks as one; a single one as it is. */
export function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)
}

/** The chunks of a text, its runs apart from the rest. */
class Sorted {
  readonly kept: Buffer[] = []
  readonly runs: Run[] = []
  #length = 0

  add(chunk: Buffer): void {
    if (chunk.length < MIN_RUN_BYTES) return this.#keep(chunk)
    const first = earlier(chunk.indexOf(QUOTE), chunk.indexOf(BACKSLASH))
    if (first === -1) return this.#part(chunk)
    const last = Math.max(chunk.lastIndexOf(QUOTE), chunk.lastIndexOf(BACKSLASH))
    this.#part(chunk.subarray(0, first))
    this.#keep(chunk.subarray(first, last + 1))
    this.#part(chunk.subarray(last + 1))
  }

  /** A part of a chunk without quotes and backslashes. */
  #part(part: Buffer): void {
    const start = startOfCharacter(part, ESCAPE_BYTES)
    const end = endOfCharacter(part)
    const bytes = part.subarray(start, end)
    if (bytes.length < MIN_RUN_BYTES || !isPlain(bytes)) return this.#keep(part)
    this.#keep(part.subarray(0, start))
    this.runs.push({ at: this.#length, bytes })
    this.#keep(STAND_IN)
    this.#keep(part.subarray(end))
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.kept.push(bytes)
    this.#length += bytes.length
  }
}

/** The smaller position; -1 stands for none. */
function earlier(one: number, other: number): number {
  return one === -1 || other === -1 ? Math.max(one, other) : Math.min(one, other)
}

function isPlain(bytes: Buffer): boolean {
  if (isAscii(bytes)) return !hasControlBytes(bytes)
  return isUtf8(bytes) && !new ControlBytes(bytes).isBetween(0, bytes.length)
}

/** Where the first character begins, from `start` on. */
function startOfCharacter(bytes: Buffer, start: number): number {
  let at = start
  while (isContinuation(bytes[at]) && at - start < MAX_CONTINUATION) at += 1
  return at
}

/** Where the last character ends that is whole in any case. */
function endOfCharacter(bytes: Buffer): number {
  const { length } = bytes
  let at = length
  if ((bytes[at - 1] ?? 0) < 0x80) return at
  while (isContinuation(bytes[at - 1]) && length - at < MAX_CONTINUATION) at -= 1
  return Math.max(0, at - 1)
}

/** Whether it is a byte of a character of UTF-8 behind the first one. */
function isContinuation(byte = 0): boolean {
  return byte >= 0x80 && byte < 0xc0
}
