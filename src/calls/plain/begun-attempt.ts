import type { RawObject } from '../../domain/json/raw-object.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Begun } from '../../upstream/pool/pool.ts'
import type { Pool } from '../../upstream/pool/pool.ts'

/** The response of a server. */
type Given = Promise<RawObject | JsonObject>

/**
 * A first attempt to send a call, made before the general stages run. They take it in place of sending the call for the
 * first time, so that its outcome is interpreted in one place.
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

  /** The response of the server, once; undefined from then on. */
  take(): Given | undefined {
    const given = this.#given
    this.#given = undefined
    return given
  }
}
