import { GatewayError } from '../domain/errors/errors.ts'
import type { Pool } from '../upstream/pool/pool.ts'
import type { Call, Route } from './call.ts'

/**
 * The route of a call, for stages after the one that sets it.
 * @throws GatewayError `internal` if there is no route
 */
export function routeOfCall({ route }: Call): Route {
  return route ?? missing('route')
}

/**
 * The pool of a call, for stages after the one that chooses it.
 * @throws GatewayError `internal` if there is no pool
 */
export function poolOfCall({ pool }: Call): Pool {
  return pool ?? missing('pool')
}

function missing(what: string): never {
  throw new GatewayError('internal', undefined, { cause: new Error(`a call without a ${what}`) })
}
