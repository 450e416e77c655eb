import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Answer, RoutedCall, Run, Stage } from '../stage.ts'
import type { NextStage, OperatorStage, StageCall } from './operator-stage.ts'

/**
 * Stage: runs one of the operator's own stages. It sees only its call, and can change only the parameters that are passed on
 * and the result that comes back. Its errors are logged and not shown to the caller, except those of the gateway; so is
 * a timeout of the stage's own time, without the rest of the call.
 */
export function ownStage(run: OperatorStage, { module, clock }: { module: string; clock: Clock }): Stage {
  return async (call, next) => {
    const { route } = call
    const rest = new RestOfCall(call, next, clock)
    try {
      const result: unknown = await Promise.race([run(describe(call), rest.run), rest.overdue])
      if (isJsonObject(result)) return { ...(rest.answer ?? { route }), result }
      throw new Error('the stage must return an object')
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw new GatewayError('internal', undefined, {
        cause: new Error(`the stage ${module} failed`, { cause: error }),
        facts: { server: route.server.name, mayHaveExecuted: rest.hasBegun },
      })
    } finally {
      rest.end()
    }
  }
}

/** The rest of the call after a stage, and the time that the stage itself takes. */
class RestOfCall {
  /** Rejects when the stage itself takes too long. */
  readonly overdue: Promise<never>
  readonly #call: RoutedCall
  readonly #next: Run
  readonly #clock: Clock
  readonly #expire: () => void
  #cancel: () => void
  #hasBegun = false
  #answer: Answer | undefined
  #hasEnded = false

  constructor(call: RoutedCall, next: Run, clock: Clock) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#call = call
    this.#next = next
    this.#clock = clock
    this.overdue = promise
    this.#expire = () => reject(new Error('it exceeded the timeout of the call'))
    this.#cancel = clock.after(call.timeoutMs, this.#expire)
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** What the rest of the call has answered. */
  get answer(): Answer | undefined {
    return this.#answer
  }

  readonly run: NextStage = (params) => {
    const result = this.#run(params)
    // A stage that does not await the result must not end the process with an unhandled rejection.
    result.catch(() => undefined)
    return result
  }

  end(): void {
    this.#hasEnded = true
    this.#cancel()
  }

  async #run(params: JsonObject | undefined): Promise<JsonObject> {
    if (this.#hasBegun || this.#hasEnded)
      throw new Error('next() was called more than once, or after the stage had ended')
    if (params !== undefined && !isJsonObject(params)) throw new Error('the parameters must be an object')
    this.#hasBegun = true
    this.#cancel()
    try {
      this.#answer = await this.#next(params === undefined ? this.#call : { ...this.#call, params })
      return this.#answer.result
    } finally {
      if (!this.#hasEnded) this.#cancel = this.#clock.after(this.#call.timeoutMs, this.#expire)
    }
  }
}

function describe({ caller, operation, params, route: { server, name } }: RoutedCall): StageCall {
  const { tenantId, subject, agent, roles } = caller.principal
  let copy: JsonObject | undefined
  return {
    tenantId,
    subject,
    agent,
    roles: [...roles],
    face: caller.transport,
    requestId: caller.requestId,
    method: operation.method.name,
    server: server.name,
    target: name,
    // The usage record has the caller's own parameters.
    get params() {
      return (copy ??= structuredClone(params))
    },
    signal: operation.signal,
  }
}
