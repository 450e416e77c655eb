import { GatewayError } from '../domain/errors/errors.ts'
import type { Call } from './call.ts'
import type { Answer } from './stage.ts'

/** Ends all calls at shutdown, so that callers get an answer and records are written before the process exits. */
export class Interruption {
  readonly #interrupt = new Map<Call, (error: GatewayError) => void>()

  /** Waits for the rest of a call, or for the shutdown. */
  guard(call: Call, rest: (call: Call) => Promise<Answer>): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#interrupt.set(call, reject)
    void this.#settle(call, rest, { resolve, reject })
    return promise
  }

  async #settle(
    call: Call,
    rest: (call: Call) => Promise<Answer>,
    { resolve, reject }: Pick<PromiseWithResolvers<Answer>, 'resolve' | 'reject'>,
  ): Promise<void> {
    try {
      resolve(await rest(call))
    } catch (error) {
      reject(error)
    } finally {
      this.#interrupt.delete(call)
    }
  }

  /** Fails every call in flight with `shutting_down`. A call that was sent to a server may have run. */
  shutDown(): void {
    for (const [{ info }, reject] of this.#interrupt) {
      const facts = { mayHaveExecuted: true, ...(info.route && { server: info.route.server.name }) }
      reject(new GatewayError('shutting_down', undefined, { facts }))
    }
  }
}
