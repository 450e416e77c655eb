import type { RawObject } from '../../domain/json/raw-object.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Begun } from '../../upstream/pool/pool.ts'
import type { Pool } from '../../upstream/pool/pool.ts'

/** What a server answers. */
type Given = Promise<RawObject | JsonObject>

/**
 * A first attempt to send a call that was made ahead of the general stages. They take it where they would send the call
 * for the first time, so that what comes of it is judged in one place.
 */
export class BegunAttempt {
  readonly pool: Pool
  readonly begun: Begun
  #given: Given | undefined

  constructor(pool: Pool, begun: Begun, given: Given) {
    this.pool = pool
    this.begun = begun
    this.#given = given
  }

  /** Whether the stages have taken it. */
  get isTaken(): boolean {
    return this.#given === undefined
  }

  /** What the server answers, the first time; undefined from then on. */
  take(): Given | undefined {
    const given = this.#given
    this.#given = undefined
    return given
  }
}
