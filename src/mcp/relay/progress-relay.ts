import { setImmediate } from 'node:timers/promises'
import type { ServerContext } from '@modelcontextprotocol/server'
import type { JsonObject } from '../../domain/json/json.ts'

/** Passes the progress of one call on under the caller's own token. */
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
    // A caller that is gone needs no progress; its call is cancelled by other means.
    void this.#context.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined)
  }

  /**
   * Resolves when the result may follow. Clients forget a call with its result, and lose a progress notification
   * that they read in the same turn; two turns of the event loop let it leave in a packet of its own.
   */
  async settled(): Promise<void> {
    if (!this.#hasSent) return
    await setImmediate()
    await setImmediate()
  }
}
