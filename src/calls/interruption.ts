import { GatewayError } from '../domain/errors/errors.ts'
import type { Call } from './call.ts'
import type { Answer } from './stage.ts'

/** Settles the promise that stands for the answer of a call. */
type Settling = Pick<PromiseWithResolvers<Answer>, 'resolve' | 'reject'>

const NEVER: Settling = { resolve: () => undefined, reject: () => undefined }

/** A call in flight, or the ring that they form. A call that has left it keeps nothing of the others. */
class Guarded {
  readonly call: Call | undefined
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: unknown) => void
  previous: Guarded = this
  next: Guarded = this

  constructor(call?: Call, { resolve, reject }: Settling = NEVER) {
    this.call = call
    this.#resolve = resolve
    this.#reject = reject
  }

  readonly answered = (answer: Answer): void => {
    this.leave()
    this.#resolve(answer)
  }

  readonly failed = (error: unknown): void => {
    this.leave()
    this.#reject(error)
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
    const settling = Promise.withResolvers<Answer>()
    const guarded = new Guarded(call, settling)
    guarded.enter(this.#ring)
    // Without an asynchronous function between, which every call would pay for.
    answer.then(guarded.answered, guarded.failed)
    return settling.promise
  }

  /** Fails every call in flight with `shutting_down`. */
  shutDown(): void {
    for (let guarded = this.#ring.next; guarded !== this.#ring; guarded = guarded.next) guarded.fail()
  }
}
