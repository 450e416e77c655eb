import type { RequestHandler } from 'express'
import { GatewayError } from '../domain/errors/errors.ts'

/** Answers the methods that a path does not have, naming those it has (RFC 9110 §15.5.6). */
export function methodNotAllowed(allow: string): RequestHandler {
  return ({ method, baseUrl, path }, response) => {
    response.setHeader('Allow', allow)
    throw new GatewayError(
      'method_not_allowed',
      `The method is ${method}; ${`${baseUrl}${path}`.slice(0, 256)} has ${allow}`,
    )
  }
}
