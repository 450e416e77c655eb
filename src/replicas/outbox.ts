import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'

/** What one replica may keep for another that has not been stored yet, in characters of JSON. */
const MAX_WAITING = 8 * 1024 * 1024
/** What goes into one text, unless a single parcel is larger. */
const MAX_TOGETHER = 512 * 1024

/** What waits for one replica. While one text is being stored, what comes meanwhile gathers for the next. */
export class Outbox {
  readonly #send: (parcels: readonly string[]) => Promise<void>
  readonly #onFailure: (error: unknown) => void
  #waiting: string[] = []
  #length = 0
  #isSending = false

  constructor(options: {
    send: (parcels: readonly string[]) => Promise<void>
    /** What waited is lost then. */
    onFailure: (error: unknown) => void
  }) {
    this.#send = options.send
    this.#onFailure = options.onFailure
  }

  /** @throws GatewayError `replica_unavailable` if too much is waiting */
  add(parcel: JsonObject): void {
    const text = JSON.stringify(parcel)
    if (this.#length + text.length > MAX_WAITING && this.#length > 0)
      throw new GatewayError('replica_unavailable', 'Too much is waiting for the other replica')
    this.#waiting.push(text)
    this.#length += text.length
    if (!this.#isSending) void this.#flush()
  }

  async #flush(): Promise<void> {
    this.#isSending = true
    try {
      while (this.#waiting.length > 0) await this.#send(this.#next())
    } catch (error) {
      this.#waiting = []
      this.#length = 0
      this.#onFailure(error)
    } finally {
      this.#isSending = false
    }
  }

  #next(): readonly string[] {
    const together: string[] = []
    let length = 0
    for (const text of this.#waiting) {
      if (length > 0 && length + text.length > MAX_TOGETHER) break
      together.push(text)
      length += text.length
    }
    this.#waiting = this.#waiting.slice(together.length)
    this.#length -= length
    return together
  }
}
