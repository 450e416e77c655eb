import { GatewayError } from '../domain/errors/errors.ts'
import type { Pool } from '../upstream/pool/pool.ts'
import type { Call, Route } from './call.ts'

/** The route of a call behind the stage that finds it. @throws GatewayError `internal` where there is none */
export function routeOfCall({ route }: Call): Route {
  return route ?? missing('route')
}

/** The pool of a call behind the stage that chooses it. @throws GatewayError `internal` where there is none */
export function poolOfCall({ pool }: Call): Pool {
  return pool ?? missing('pool')
}

function missing(what: string): never {
  throw new GatewayError('internal', undefined, { cause: new Error(`a call without a ${what}`) })
}
