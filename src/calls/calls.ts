import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Call, Caller, Operation, Stage } from './call.ts'

/** Time within which another replica, or the restarted gateway, should be ready. */
const RETRY_AFTER_MS = 1000

/** Runs operations through the pipeline; every face reaches servers through it. */
export class Calls {
  readonly #stages: readonly Stage[]
  readonly #clock: Clock
  #inFlight = 0
  #isStopping = false
  #onIdle: (() => void) | undefined

  constructor(options: { stages: readonly Stage[]; clock: Clock }) {
    this.#stages = options.stages
    this.#clock = options.clock
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Runs one operation and resolves with the server's result, unknown fields included.
   * @throws GatewayError
   */
  async run(caller: Caller, operation: Operation): Promise<JsonObject> {
    if (this.#isStopping)
      throw new GatewayError('shutting_down', undefined, { facts: { retryAfterMs: RETRY_AFTER_MS } })
    const call: Call = {
      caller,
      operation,
      startedAt: this.#clock.monotonic(),
      route: undefined,
      decision: undefined,
      params: operation.params,
      askedMs: 0,
      timeoutMs: 0,
      pool: undefined,
      client: undefined,
      instance: undefined,
    }
    this.#inFlight += 1
    try {
      return await this.#step(call, 0)
    } finally {
      this.#inFlight -= 1
      if (this.#inFlight === 0) this.#onIdle?.()
    }
  }

  /** Refuses new operations and resolves when those in flight are done; the caller bounds the wait. */
  drain(): Promise<void> {
    this.#isStopping = true
    if (this.#inFlight === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    return promise
  }

  #step(call: Call, index: number): Promise<JsonObject> {
    const stage = this.#stages[index]
    if (stage === undefined) return Promise.reject(new Error('the last stage must not call next()'))
    try {
      return stage(call, (instead = call) => this.#step(instead, index + 1))
    } catch (error) {
      // A stage before this one may inspect only how the promise settles.
      return Promise.reject(error)
    }
  }
}
