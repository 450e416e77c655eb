import { GatewayError } from '../../domain/errors/errors.ts'
import type { Call, Stage } from '../call.ts'

/** Ends calls that may not go on, so that their callers and their records learn of it while there is time. */
export class Interruption {
  readonly #interrupt = new Map<Call, (error: GatewayError) => void>()

  /** Stage: waits for the rest of the call, or for its interruption. */
  readonly stage: Stage = (call, next) => {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof next>>>()
    this.#interrupt.set(call, reject)
    next().then(resolve, reject)
    return promise.finally(() => this.#interrupt.delete(call))
  }

  /** Fails every call in flight with `shutting_down`. What was sent to a server may have run. */
  shutDown(): void {
    for (const [{ route }, reject] of this.#interrupt) {
      const facts = { mayHaveExecuted: true, ...(route && { server: route.server.name }) }
      reject(new GatewayError('shutting_down', undefined, { facts }))
    }
  }
}
