import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Call, Caller, Operation } from './call.ts'
import type { Answer } from './stage.ts'

/** Time within which another replica, or the restarted gateway, should be ready. */
const RETRY_AFTER_MS = 1000

/** Runs operations through the call chain. Every transport reaches servers through it. */
export class Calls {
  readonly #chain: (call: Call) => Promise<Answer>
  readonly #clock: Clock
  #inFlight = 0
  /** When the last call ended, in monotonic milliseconds. */
  #endedAt = Number.NEGATIVE_INFINITY
  #isStopping = false
  #onIdle: (() => void) | undefined

  constructor(options: { chain: (call: Call) => Promise<Answer>; clock: Clock }) {
    this.#chain = options.chain
    this.#clock = options.clock
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Milliseconds since the last call ended; 0 while calls are in flight. */
  get idleMs(): number {
    return this.#inFlight > 0 ? 0 : this.#clock.monotonic() - this.#endedAt
  }

  /**
   * Runs one operation and resolves with the server's result, unknown fields included.
   * @throws GatewayError
   */
  async run(caller: Caller, operation: Operation): Promise<JsonObject> {
    return (await this.answer(caller, operation)).result
  }

  /**
   * Like `run`, with the whole answer: if the operation takes raw results, its result may stay bytes.
   * @throws GatewayError
   */
  answer(caller: Caller, operation: Operation): Promise<Answer> {
    if (this.#isStopping) {
      const facts = { retryAfterMs: RETRY_AFTER_MS }
      return Promise.reject(new GatewayError('shutting_down', undefined, { facts }))
    }
    const info = { route: undefined, decision: undefined, instance: undefined }
    this.#inFlight += 1
    const answer = this.#chain({ caller, operation, startedAt: this.#clock.monotonic(), info })
    // Not with `await`: an asynchronous function would delay the caller.
    answer.then(this.#ended, this.#ended)
    return answer
  }

  readonly #ended = (): void => {
    this.#inFlight -= 1
    if (this.#inFlight > 0) return
    this.#endedAt = this.#clock.monotonic()
    this.#onIdle?.()
  }

  /** Refuses new operations and resolves when those in flight are done; the caller bounds the wait. */
  drain(): Promise<void> {
    this.#isStopping = true
    if (this.#inFlight === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    return promise
  }
}
