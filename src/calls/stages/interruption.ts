import { GatewayError } from '../../domain/errors/errors.ts'
import type { Call, Stage } from '../call.ts'

/** Ends all calls at shutdown, so that callers get an answer and records are written before the process exits. */
export class Interruption {
  readonly #interrupt = new Map<Call, (error: GatewayError) => void>()

  /** Stage: waits for the rest of the call, or for the shutdown. */
  readonly stage: Stage = (call, next) => {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof next>>>()
    this.#interrupt.set(call, reject)
    next().then(resolve, reject)
    return promise.finally(() => this.#interrupt.delete(call))
  }

  /** Fails every call in flight with `shutting_down`. A call that was sent to a server may have run. */
  shutDown(): void {
    for (const [{ route }, reject] of this.#interrupt) {
      const facts = { mayHaveExecuted: true, ...(route && { server: route.server.name }) }
      reject(new GatewayError('shutting_down', undefined, { facts }))
    }
  }
}
