import type { Clock } from '../../domain/clock.ts'

/** Looks once in each idle time at how much the load came to at most, so that what it did not need can be let go of. */
export class ScaleIn {
  readonly #clock: Clock
  readonly #idleMs: () => number
  readonly #load: () => number
  readonly #onLook: (peak: number) => boolean
  #peak = 0
  #cancel: (() => void) | undefined

  /**
   * @param options.load calls at the moment, those that wait included
   * @param options.onLook is given the most calls at the same time; says whether there is more to let go of
   */
  constructor(options: {
    clock: Clock
    idleMs: () => number
    load: () => number
    onLook: (peak: number) => boolean
  }) {
    this.#clock = options.clock
    this.#idleMs = options.idleMs
    this.#load = options.load
    this.#onLook = options.onLook
  }

  /** The load has grown. */
  note(): void {
    this.#peak = Math.max(this.#peak, this.#load())
  }

  /** There is something that could be let go of. Idempotent. */
  begin(): void {
    if (this.#cancel !== undefined) return
    this.#peak = this.#load()
    this.#cancel = this.#clock.after(this.#idleMs(), () => {
      this.#cancel = undefined
      if (this.#onLook(this.#peak)) this.begin()
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
