import type { Clock } from '../../domain/clock.ts'

/** Remembers what was used, so that it is used once. */
export interface OneTimeUse {
  /** Whether this is the first use of `id`. It is remembered until `untilMs`, in milliseconds since the epoch. */
  readonly claim: (id: string, untilMs: number) => Promise<boolean>
}

const SWEEP_SIZE = 1000

/** Remembers uses in this process. */
export class OneTimeUseInMemory implements OneTimeUse {
  readonly #clock: Clock
  readonly #until = new Map<string, number>()
  #sweepAt = SWEEP_SIZE

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  claim(id: string, untilMs: number): Promise<boolean> {
    if (this.#until.has(id)) return Promise.resolve(false)
    this.#until.set(id, untilMs)
    if (this.#until.size >= this.#sweepAt) this.#sweep()
    return Promise.resolve(true)
  }

  #sweep(): void {
    const now = this.#clock.now()
    for (const [id, until] of this.#until) if (until < now) this.#until.delete(id)
    this.#sweepAt = Math.max(SWEEP_SIZE, this.#until.size * 2)
  }
}
