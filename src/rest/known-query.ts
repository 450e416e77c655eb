import type { RequestHandler } from 'express'
import { GatewayError } from '../domain/errors/errors.ts'

const PAGE = ['limit', 'cursor'] as const

/** The query parameters of every REST path that has any, the first that fits; all others have none. */
const PARAMETERS: readonly (readonly [path: RegExp, names: readonly string[]])[] = [
  [/^\/v1\/tools$/, [...PAGE, 'server', 'query']],
  [/^\/v1\/resources$/, [...PAGE, 'uri']],
  [/^\/v1\/prompts$/, PAGE],
  [/^\/v1\/audit$/, [...PAGE, 'from', 'to', 'subject', 'target', 'server', 'outcome']],
  [/^\/v1\/access\/matrix$/, [...PAGE, 'by', 'server', 'roles']],
  [/^\/v1\/caches$/, ['cache', 'tenantId']],
  [/^\/v1\/pipelines\/[^/]+$/, ['tenantId']],
  [/^(\/v1)?\/servers\/install$/, []],
  [/^(\/v1)?\/servers\/[^/]+\/logs$/, ['lines', 'follow', 'tenantId']],
  [/^(\/v1)?\/servers\/[^/]+(\/(start|stop|restart|inspect))?$/, ['tenantId']],
]
const REST = /^\/(v1|servers|health|ollama)(\/|$)/
const MAX_SHOWN = 64

/**
 * Refuses query parameters that a REST path does not have: a filter that is ignored would look like an answer. Paths
 * that are not listed above have none.
 * @throws GatewayError `invalid_request` that names them
 */
export const knownQuery: RequestHandler = ({ url, path: given, query }, _response, next) => {
  if (!url.includes('?')) return next()
  const path = given.length > 1 ? given.replace(/\/$/, '').toLowerCase() : given
  if (!REST.test(path)) return next()
  const known = PARAMETERS.find(([pattern]) => pattern.test(path))?.[1] ?? []
  const problems = Object.keys(query)
    .filter((name) => !known.includes(name))
    .map((name) => `${name.slice(0, MAX_SHOWN)}: unknown query parameter`)
    .slice(0, 10)
  if (problems.length === 0) return next()
  const expected = known.length === 0 ? 'none' : known.join(', ')
  throw new GatewayError('invalid_request', `${problems.join('; ')}; ${path.slice(0, 128)} has ${expected}`, {
    facts: { problems },
  })
}
