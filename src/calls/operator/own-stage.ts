import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Call, Route, Stage } from '../call.ts'
import type { NextStage, OperatorStage, StageCall } from './operator-stage.ts'
import { routeOfCall } from '../routed.ts'

/**
 * Stage: one of the operator's own. It sees its call only and can change nothing but what goes on and what comes back.
 * What it throws stays inside, unless it is the gateway's own error; so does that it takes longer, without the rest of
 * the call, than the call may.
 */
export function ownStage(run: OperatorStage, { module, clock }: { module: string; clock: Clock }): Stage {
  return async (call, next) => {
    const route = routeOfCall(call)
    const rest = new RestOfCall(call, next, clock)
    try {
      const result: unknown = await Promise.race([run(describe(call, route), rest.run), rest.overdue])
      if (isJsonObject(result)) return result
      throw new Error('its result is no object')
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

/** What follows a stage, and the time that the stage takes before and after it. */
class RestOfCall {
  /** Rejects when the stage takes too long. */
  readonly overdue: Promise<never>
  readonly #call: Call
  readonly #next: () => Promise<JsonObject>
  readonly #clock: Clock
  readonly #expire: () => void
  #cancel: () => void
  #hasBegun = false
  #hasEnded = false

  constructor(call: Call, next: () => Promise<JsonObject>, clock: Clock) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#call = call
    this.#next = next
    this.#clock = clock
    this.overdue = promise
    this.#expire = () => reject(new Error('it takes too long'))
    this.#cancel = clock.after(call.timeoutMs, this.#expire)
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  readonly run: NextStage = (params) => {
    const result = this.#run(params)
    // A stage that does not wait for it must not bring the process down.
    result.catch(() => undefined)
    return result
  }

  end(): void {
    this.#hasEnded = true
    this.#cancel()
  }

  async #run(params: JsonObject | undefined): Promise<JsonObject> {
    if (this.#hasBegun || this.#hasEnded) throw new Error('the rest of a call runs once')
    if (params !== undefined && !isJsonObject(params)) throw new Error('parameters are an object')
    this.#hasBegun = true
    this.#cancel()
    if (params !== undefined) this.#call.params = params
    try {
      return await this.#next()
    } finally {
      if (!this.#hasEnded) this.#cancel = this.#clock.after(this.#call.timeoutMs, this.#expire)
    }
  }
}

function describe({ caller, operation, params }: Call, { server, name }: Route): StageCall {
  const { tenantId, subject, agent, roles } = caller.principal
  let copy: JsonObject | undefined
  return {
    tenantId,
    subject,
    agent,
    roles: [...roles],
    face: caller.face,
    requestId: caller.requestId,
    method: operation.method,
    server: server.name,
    target: name,
    // The caller's own are what is recorded.
    get params() {
      return (copy ??= structuredClone(params))
    },
    signal: operation.signal,
  }
}
