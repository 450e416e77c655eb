import type { RequestHandler } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isVia } from '../../domain/via.ts'

/**
 * Refuses what the gateway itself sent: a server whose address leads back here would list its own tools without end.
 */
export function loopCheck(via: string): RequestHandler {
  return ({ headers }, _response, next) => {
    if (!isVia(headers.via, via)) return next()
    throw new GatewayError(
      'loop_detected',
      'The request came from this gateway: the address of a server loops back to it',
    )
  }
}
