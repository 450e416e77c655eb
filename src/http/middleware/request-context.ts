import { randomUUID } from 'node:crypto'
import type { RequestHandler, Response } from 'express'

const requestIds = new WeakMap<Response, string>()
const ACCEPTED = /^[A-Za-z0-9._-]{1,64}$/

/** Gives every request an id, the caller's own `x-request-id` where it is well formed, and says it in the answer. */
export const requestContext: RequestHandler = (request, response, next) => {
  const offered = request.get('x-request-id')
  const id = offered !== undefined && ACCEPTED.test(offered) ? offered : randomUUID()
  requestIds.set(response, id)
  response.setHeader('x-request-id', id)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('cache-control', 'private, no-store') // answers are per caller; streams say it their own way
  next()
}

/** The id of the request that a response answers, as logs and errors name it. */
export function requestIdOf(response: Response): string {
  return requestIds.get(response) ?? 'unknown'
}
