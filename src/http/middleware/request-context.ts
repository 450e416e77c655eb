import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'

declare global {
  namespace Express {
    interface Locals {
      /** The id of the request, as logs and errors name it. */
      requestId?: string
    }
  }
}

const ACCEPTED = /^[A-Za-z0-9._-]{1,64}$/

/** The id that a caller offers for its request, if it is well formed. */
export function acceptedRequestId(offered: string | string[] | undefined): string | undefined {
  return typeof offered === 'string' && ACCEPTED.test(offered) ? offered : undefined
}

/** Gives every request an id, the caller's `x-request-id` if it is well formed, and returns it in the response. */
export const requestContext: RequestHandler = (request, response, next) => {
  const id = acceptedRequestId(request.get('x-request-id')) ?? randomUUID()
  response.locals.requestId = id
  response.setHeader('x-request-id', id)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('cache-control', 'private, no-store') // answers are per caller; streams say it their own way
  next()
}
