import type { Request, RequestHandler } from 'express'
import { GatewayError } from '../domain/errors/errors.ts'

/** Answers what no route took. */
export const notFound: RequestHandler = (request) => {
  throw nothingAt(request)
}

/** The error for a path or method that the gateway does not serve. */
export function nothingAt({ method, path }: Request): GatewayError {
  return new GatewayError('not_found', `No route matches ${method} ${path.slice(0, 256)}`)
}
