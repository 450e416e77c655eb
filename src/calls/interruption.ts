import { TransientMap } from '../domain/concurrency/transient-map.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Call } from './call.ts'
import type { Answer } from './stage.ts'

interface Guarded {
  readonly call: Call
  readonly reject: (error: GatewayError) => void
}

/** Ends all calls at shutdown, so that callers get an answer and records are written before the process exits. */
export class Interruption {
  readonly #guarded = new TransientMap<number, Guarded>()
  #last = 0

  /** The function that runs calls by `rest`, and ends them at the shutdown. */
  around(rest: (call: Call) => Promise<Answer>): (call: Call) => Promise<Answer> {
    return (call) => this.guard(call, rest)
  }

  /** Waits for the rest of a call, or for the shutdown. */
  guard(call: Call, rest: (call: Call) => Promise<Answer>): Promise<Answer> {
    // First: if it throws, there is nothing to interrupt.
    const answer = rest(call)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const number = ++this.#last
    this.#guarded.set(number, { call, reject })
    const forget = (): void => void this.#guarded.delete(number)
    // Without an asynchronous function between, which every call would pay for.
    answer.then(forget, forget)
    answer.then(resolve, reject)
    return promise
  }

  /** Fails every call in flight with `shutting_down`. A call that was sent to a server may have run. */
  shutDown(): void {
    for (const { call, reject } of this.#guarded.values()) {
      const { info } = call
      const facts = { mayHaveExecuted: true, ...(info.route && { server: info.route.server.name }) }
      reject(new GatewayError('shutting_down', undefined, { facts }))
    }
  }
}
