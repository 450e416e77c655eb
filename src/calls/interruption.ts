import { type Pending, PendingSet } from '../domain/concurrency/waits.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Call } from './call.ts'
import type { Answer } from './stage.ts'

/** A call in flight, and the promise of its answer. */
interface Guarded extends Pending {
  readonly call: Call
  readonly settling: PromiseWithResolvers<Answer>
}

/** Ends all calls at shutdown, so that callers get an answer and records are written before the process exits. */
export class Interruption {
  readonly #inFlight = new PendingSet<Guarded>()

  /** Makes the function that runs calls by `rest`, and ends them at the shutdown. */
  around(rest: (call: Call) => Promise<Answer>): (call: Call) => Promise<Answer> {
    return (call) => this.guard(call, rest)
  }

  /** Waits for the rest of a call, or for the shutdown. */
  guard(call: Call, rest: (call: Call) => Promise<Answer>): Promise<Answer> {
    // First: if it throws, there is nothing to interrupt.
    const answer = rest(call)
    const settling = Promise.withResolvers<Answer>()
    const guarded: Guarded = { call, settling, index: 0 }
    this.#inFlight.add(guarded)
    // Without an asynchronous function, which would cost every call.
    answer.then(
      (given) => this.#left(guarded).resolve(given),
      (error: unknown) => this.#left(guarded).reject(error),
    )
    return settling.promise
  }

  /** The promise to settle for a call that has ended. */
  #left(guarded: Guarded): Guarded['settling'] {
    this.#inFlight.remove(guarded)
    return guarded.settling
  }

  /** Fails every call in flight with `shutting_down`: it was perhaps sent to a server, and may have run. */
  shutDown(): void {
    for (const { call, settling } of this.#inFlight.all) {
      const { route } = call.info
      const facts = { mayHaveExecuted: true, ...(route && { server: route.server.name }) }
      settling.reject(new GatewayError('shutting_down', undefined, { facts }))
    }
  }
}
