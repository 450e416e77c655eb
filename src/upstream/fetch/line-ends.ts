/** Ends a line, alone or behind a carriage return. */
export const NEWLINE = 0x0a
/** Ends a line, alone or before a newline. */
export const CARRIAGE_RETURN = 0x0d

/**
 * Where the lines of a chunk of an event stream end: at a newline, a carriage return, or both (HTML, server-sent events
 * §9.2.5). Each kind is searched once up to the next one: most chunks have only newlines.
 */
export class LineEnds {
  readonly #chunk: Uint8Array
  #newline = -1
  #carriage = -1

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk
  }

  /** Where the line that begins at `start` has its first byte of an end; the length of the chunk if it goes on. */
  after(start: number): number {
    if (this.#newline < start) this.#newline = this.#next(NEWLINE, start)
    if (this.#carriage < start) this.#carriage = this.#next(CARRIAGE_RETURN, start)
    return Math.min(this.#newline, this.#carriage)
  }

  #next(byte: number, start: number): number {
    const found = this.#chunk.indexOf(byte, start)
    return found === -1 ? this.#chunk.length : found
  }
}

/** Where the next line begins, if the line there ends at `at`: a carriage return and a newline are one end. */
export function pastEnd(chunk: Uint8Array, at: number): number {
  const isPair = chunk[at] === CARRIAGE_RETURN && chunk[at + 1] === NEWLINE
  return Math.min(chunk.length, at + (isPair ? 2 : 1))
}
