/** How much a pool is used. */
export class Load {
  #inFlight = 0
  #waiting = 0
  #peak = 0
  #lastUse: number

  /** @param lastUse in monotonic milliseconds */
  constructor(lastUse: number) {
    this.#lastUse = lastUse
  }

  /** Calls that wait for a permit. */
  get waiting(): number {
    return this.#waiting
  }

  /** Calls in flight and waiting. */
  get total(): number {
    return this.#inFlight + this.#waiting
  }

  /** The highest `total` since it was last reset. */
  get peak(): number {
    return this.#peak
  }

  /** In monotonic milliseconds. */
  get lastUse(): number {
    return this.#lastUse
  }

  /** A call got a permit. */
  enter(): void {
    this.#inFlight += 1
  }

  /** A call returned its permit. */
  leave(): void {
    this.#inFlight -= 1
  }

  /** A call waits for a permit. */
  wait(): void {
    this.#waiting += 1
    this.rise()
  }

  /** A call no longer waits, with or without a permit. */
  endWait(): void {
    this.#waiting -= 1
  }

  /** A call that did not have to wait is in flight. */
  rise(): void {
    if (this.total > this.#peak) this.#peak = this.total
  }

  /** @param at in monotonic milliseconds */
  usedAt(at: number): void {
    this.#lastUse = at
  }

  resetPeak(): void {
    this.#peak = this.total
  }
}
