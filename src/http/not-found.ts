import type { RequestHandler } from 'express'
import { GatewayError } from '../domain/errors.ts'

/** Answers what no route took. */
export const notFound: RequestHandler = (request) => {
  throw new GatewayError('not_found', `Nothing is at ${request.method} ${request.path.slice(0, 256)}`)
}
