/** How many records may wait, and how much memory they may take; room is reserved before there is a record. */
export class QueueCapacity {
  readonly #recordLimit: number
  readonly #byteLimit: number
  #reserved = 0
  #records = 0
  #bytes = 0

  constructor(options: { recordLimit: number; byteLimit: number }) {
    this.#recordLimit = options.recordLimit
    this.#byteLimit = options.byteLimit
  }

  /** Records that wait. */
  get records(): number {
    return this.#records
  }

  get isFull(): boolean {
    return this.#records + this.#reserved >= this.#recordLimit || this.#bytes >= this.#byteLimit
  }

  reserve(): void {
    this.#reserved += 1
  }

  /** Gives a reservation back. Returns whether there was one. */
  release(): boolean {
    const hadOne = this.#reserved > 0
    if (hadOne) this.#reserved -= 1
    return hadOne
  }

  /** A record waits from now on. */
  take(bytes: number): void {
    this.#records += 1
    this.#bytes += bytes
  }

  /** Records do not wait any longer. */
  free(records: number, bytes: number): void {
    this.#records -= records
    this.#bytes -= bytes
  }
}
