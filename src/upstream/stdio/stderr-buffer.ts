import { tellingLine } from './telling-line.ts'

/** The last bytes that a process wrote to its standard error, bounded, for the reason of a failure. */
export class StderrBuffer {
  readonly #limit: number
  readonly #redact: (text: string) => string
  #isCut = false
  #chunks: Buffer[] = []
  #size = 0

  /** @param options.redact takes out of a text what must not be quoted */
  constructor(options: { limitBytes: number; redact?: (text: string) => string }) {
    this.#limit = options.limitBytes
    this.#redact = options.redact ?? ((text) => text)
  }

  push(chunk: Buffer): void {
    this.#isCut ||= this.#size + chunk.length > this.#limit
    // A copy of the tail: a slice would keep the whole chunk alive.
    const kept = chunk.length > this.#limit ? Buffer.from(chunk.subarray(chunk.length - this.#limit)) : chunk
    this.#chunks.push(kept)
    this.#size += kept.length
    while (this.#size > this.#limit) this.#dropOldest()
  }

  /** Bytes held. */
  get size(): number {
    return this.#size
  }

  /** Everything held, as text. */
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }

  /** The line that says best what went wrong, without secrets and control characters, cut to 300 characters. */
  tellingLine(): string | undefined {
    const lines = this.#redact(this.text()).split('\n')
    // A line whose beginning was dropped may begin with a part of a secret, which cannot be recognised.
    const whole = this.#isCut ? lines.slice(1) : lines
    const telling = tellingLine(whole.map((line) => line.trimEnd()))
    return telling === undefined ? undefined : this.#redact(printable(telling)).slice(0, 300)
  }

  #dropOldest(): void {
    const excess = this.#size - this.#limit
    const oldest = this.#chunks[0]
    if (oldest === undefined) return
    if (oldest.length <= excess) this.#chunks.shift()
    else this.#chunks[0] = Buffer.from(oldest.subarray(excess))
    this.#size -= Math.min(excess, oldest.length)
  }
}

function printable(line: string): string {
  return line.replaceAll(/[^\P{C}\t]/gu, '').trim()
}
