import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Route } from '../call.ts'
import type { Answer } from '../stage.ts'

/** An answer whose result is written as JSON once, for its size and for the client. */
export class SerializedAnswer implements Answer {
  readonly result: JsonObject
  readonly route: Route
  #json: string | undefined

  constructor(result: JsonObject, route: Route) {
    this.result = result
    this.route = route
  }

  /** @throws GatewayError `upstream_bad_response` if it is nested too deeply */
  get json(): string {
    this.#json ??= jsonOf(this.result, this.route)
    return this.#json
  }
}

/** @throws GatewayError `upstream_bad_response` if a result is nested too deeply */
export function jsonOf(result: JsonObject, route: Route): string {
  try {
    return JSON.stringify(result)
  } catch (cause) {
    const facts = { server: route.server.name, mayHaveExecuted: true }
    throw new GatewayError('upstream_bad_response', 'The response is nested too deeply', { cause, facts })
  }
}
