import { setImmediate } from 'node:timers/promises'
import type { ServerContext } from '@modelcontextprotocol/server'
import type { JsonObject } from '../../domain/json/json.ts'

/** Forwards the progress of one call under the caller's own token. */
export class ProgressRelay {
  readonly #context: ServerContext
  readonly #progressToken: string | number
  #hasSent = false

  constructor(context: ServerContext, progressToken: string | number) {
    this.#context = context
    this.#progressToken = progressToken
  }

  send(progress: JsonObject): void {
    this.#hasSent = true
    const params = { ...progress, progressToken: this.#progressToken }
    // A disconnected caller needs no progress; its call is cancelled elsewhere.
    void this.#context.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined)
  }

  /**
   * Resolves when the result may be sent. Clients forget a call when they get its result, and lose a progress
   * notification that they read in the same turn; after two turns of the event loop it leaves in a separate packet.
   */
  async settled(): Promise<void> {
    if (!this.#hasSent) return
    await setImmediate()
    await setImmediate()
  }
}
