import type { RequestHandler } from 'express'
import { GatewayError } from '../domain/errors/errors.ts'
import { operationsAt } from './openapi/operations.ts'

const REST = /^\/(v1|servers|health|ollama)(\/|$)/
const MAX_SHOWN = 64

/**
 * Refuses query parameters that a REST path does not have: a filter that is ignored would look like an answer. Paths
 * without an operation have none.
 * @throws GatewayError `invalid_request` that names them
 */
export const knownQuery: RequestHandler = ({ url, path: given, query }, _response, next) => {
  if (!url.includes('?')) return next()
  const path = given.length > 1 ? given.replace(/\/$/, '').toLowerCase() : given
  if (!REST.test(path)) return next()
  const known = operationsAt(path).flatMap((operation) => Object.keys(operation.query?.shape ?? {}))
  const problems = Object.keys(query)
    .filter((name) => !known.includes(name))
    .map((name) => `${name.slice(0, MAX_SHOWN)}: unknown query parameter`)
    .slice(0, 10)
  if (problems.length === 0) return next()
  const expected = known.length === 0 ? 'none' : [...new Set(known)].join(', ')
  throw new GatewayError('invalid_request', `${problems.join('; ')}; ${path.slice(0, 128)} has ${expected}`, {
    facts: { problems },
  })
}
