import { GatewayError } from '../domain/errors/errors.ts'
import type { Call } from './call.ts'
import type { Answer } from './stage.ts'

/** A call in flight, or the ring that they form. A call that has left it keeps nothing of the others. */
class Guarded {
  readonly call: Call | undefined
  readonly #reject: (error: GatewayError) => void
  previous: Guarded = this
  next: Guarded = this

  constructor(call?: Call, reject: (error: unknown) => void = () => undefined) {
    this.call = call
    this.#reject = reject
  }

  enter(ring: Guarded): void {
    this.previous = ring.previous
    this.next = ring
    ring.previous.next = this
    ring.previous = this
  }

  leave(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this
    this.next = this
  }

  /** The call was perhaps sent to a server, and may have run. */
  fail(): void {
    const route = this.call?.info.route
    const facts = { mayHaveExecuted: true, ...(route && { server: route.server.name }) }
    this.#reject(new GatewayError('shutting_down', undefined, { facts }))
  }
}

/** Ends all calls at shutdown, so that callers get an answer and records are written before the process exits. */
export class Interruption {
  readonly #ring = new Guarded()

  /** The function that runs calls by `rest`, and ends them at the shutdown. */
  around(rest: (call: Call) => Promise<Answer>): (call: Call) => Promise<Answer> {
    return (call) => this.guard(call, rest)
  }

  /** Waits for the rest of a call, or for the shutdown. */
  guard(call: Call, rest: (call: Call) => Promise<Answer>): Promise<Answer> {
    // First: if it throws, there is nothing to interrupt.
    const answer = rest(call)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const guarded = new Guarded(call, reject)
    guarded.enter(this.#ring)
    const leave = (): void => guarded.leave()
    // Without an asynchronous function between, which every call would pay for.
    answer.then(leave, leave)
    answer.then(resolve, reject)
    return promise
  }

  /** Fails every call in flight with `shutting_down`. */
  shutDown(): void {
    for (let guarded = this.#ring.next; guarded !== this.#ring; guarded = guarded.next) guarded.fail()
  }
}
