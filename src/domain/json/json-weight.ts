/** Of a message, however small it is. Each may take 120 bytes of memory as a value, and most take fewer. */
const BASE_WEIGHT = 100_000
/** Rows of two short fields have more bytes for each. */
const BYTES_A_WEIGHT = 8
/** A list or an object takes memory even if it is empty; the elements of a list take little more than their bytes. */
export const CONTAINER_WEIGHT = 2
/** What is smaller cannot weigh much: it is not looked at. */
export const LIGHT_BYTES = 64 * 1024

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]
const [OPENING_LIST, OPENING_OBJECT] = [0x5b, 0x7b]

/** How much JSON of so many bytes may weigh: the more, the larger it is, so that memory stays in proportion to bytes. */
export function mostWeight(bytes: number): number {
  return BASE_WEIGHT + bytes / BYTES_A_WEIGHT
}

/** Whether a message of a server would take far more memory as a value than as JSON. One pass over its bytes; none if it is small. */
export function isTooHeavy(bytes: Buffer): boolean {
  if (bytes.length <= LIGHT_BYTES) return false
  const weight = new JsonWeight()
  weight.take(bytes, 0, bytes.length)
  return weight.total > mostWeight(bytes.length)
}

/** What `JsonWeight` counts in the JSON of a value, which must not nest deeply. */
export function weightOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const values: unknown[] = Array.isArray(value) ? value : Object.values(value)
  const own = CONTAINER_WEIGHT + (Array.isArray(value) ? 0 : values.length)
  return values.reduce<number>((weight, each) => weight + weightOf(each), own)
}

/**
 * Adds up the members of all objects in JSON text that arrives in parts, each list and each object counting for two more.
 * Whether it is JSON is for its parser to say.
 */
export class JsonWeight {
  #total = 0
  #isInString = false
  /** Whether the part ended behind a backslash. */
  #isEscaped = false

  get total(): number {
    return this.#total
  }

  /** Takes what stands from `start` up to `end`. */
  take(bytes: Buffer, start: number, end: number): void {
    let weight = 0
    let at = this.#isInString ? this.#endOfString(bytes, start, end) : start
    for (; at < end; at += 1) {
      const byte = bytes[at]
      if (byte === QUOTE) at = this.#endOfString(bytes, at + 1, end) - 1
      else if (byte === COLON) weight += 1
      else if (byte === OPENING_LIST || byte === OPENING_OBJECT) weight += CONTAINER_WEIGHT
    }
    this.#total += weight
  }

  /** No string of JSON goes on behind the end of a line. */
  endLine(): void {
    this.#isInString = false
    this.#isEscaped = false
  }

  /** Forgets everything. */
  clear(): void {
    this.#total = 0
    this.endLine()
  }

  /** Where the string ends whose content goes on at `start`: behind its quote, or at `end`. */
  #endOfString(bytes: Buffer, start: number, end: number): number {
    let at = this.#isEscaped ? start + 1 : start
    for (; at < end; at += 1) {
      const byte = bytes[at]
      if (byte === BACKSLASH) at += 1
      else if (byte === QUOTE) {
        this.#isInString = false
        this.#isEscaped = false
        return at + 1
      }
    }
    this.#isInString = true
    this.#isEscaped = at > end
    return end
  }
}
