import type { Clock } from '../../../domain/clock.ts'

/** Determines the peak load of each idle period, so that instances beyond it can be stopped. */
export class ScaleIn {
  readonly #clock: Clock
  readonly #idleMs: () => number
  readonly #load: () => number
  readonly #onLook: (peak: number) => boolean
  #peak = 0
  #cancel: (() => void) | undefined

  /**
   * @param options.load calls in flight and waiting
   * @param options.onLook gets the peak of the period; returns whether more instances can be stopped later
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

  /** The load has increased. */
  note(): void {
    this.#peak = Math.max(this.#peak, this.#load())
  }

  /** There are instances that could be stopped. Idempotent. */
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
