import type { Source } from '../messages/paced-input.ts'

/** A response that may have to wait for several reasons at once: it is read while there is none. */
export class ResponseFlow {
  readonly #source: () => Source | undefined
  #pauses = 0
  /** While its events are handled. */
  readonly paced = this.#reason(1)
  /** While it is decoded. */
  readonly decoded = this.#reason(2)
  /** While too much is in transit. */
  readonly held = this.#reason(4)

  /** @param source where it comes from; undefined when nothing comes any more */
  constructor(source: () => Source | undefined) {
    this.#source = source
  }

  #reason(bit: number): Source {
    return {
      pause: () => {
        this.#pauses |= bit
        this.#source()?.pause()
      },
      resume: () => {
        this.#pauses &= ~bit
        if (this.#pauses === 0) this.#source()?.resume()
      },
    }
  }
}
