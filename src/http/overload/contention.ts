/** So long after requests of several principals, one that is alone has all there is again. */
const SHARED_MS = 5000

/** Whether several principals want the time of the gateway, or one only, who can have all of it. */
export class Contention {
  readonly #now: () => number
  #last: string | undefined
  #sharedUntil = Number.NEGATIVE_INFINITY

  /** @param options.now monotonic milliseconds */
  constructor(options: { now: () => number }) {
    this.#now = options.now
  }

  get isShared(): boolean {
    return this.#now() < this.#sharedUntil
  }

  /** A principal wants some of it. */
  note(principal: string): void {
    if (this.#last !== undefined && this.#last !== principal) this.#sharedUntil = this.#now() + SHARED_MS
    this.#last = principal
  }
}
