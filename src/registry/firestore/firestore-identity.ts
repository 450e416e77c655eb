import type { LastGoodRegistry } from './firestore-last-good.ts'

/** Whether the database is the one that was read before: it is asked at the start and after each outage. */
export class StoreIdentity {
  readonly #registry: LastGoodRegistry
  readonly #onSilence: () => void
  #isInDoubt = true

  /** @param options.onSilence the store did not answer: it is to be asked again */
  constructor(options: { registry: LastGoodRegistry; onSilence: () => void }) {
    this.#registry = options.registry
    this.#onSilence = options.onSilence
  }

  /** From now on it may be another one. */
  doubt(): void {
    this.#isInDoubt = true
  }

  /**
   * Whether it is another one. It is asked only if that is in doubt.
   * @param options.assumed the answer if the store gives none
   */
  async isOther({ isMissing, assumed }: { isMissing: boolean; assumed: () => boolean }): Promise<boolean> {
    if (!isMissing && !this.#isInDoubt) return false
    try {
      return await this.#registry.isRecreated()
    } catch {
      this.#isInDoubt = true
      this.#onSilence()
      return assumed()
    }
  }

  /** Takes it as it is for the one to know, if that is in doubt. */
  async settle(): Promise<void> {
    if (!this.#isInDoubt) return
    try {
      await this.#registry.settle()
      this.#isInDoubt = false
    } catch {
      this.#onSilence()
    }
  }
}
