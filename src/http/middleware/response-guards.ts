import { ServerResponse } from 'node:http'
import type { RequestHandler, Response } from 'express'
import { canTake } from '../../mcp/transports/event-stream.ts'

/**
 * Stops processing a request whose client has disconnected: code that waits for the end of the response would never
 * resume, because it has ended already.
 */
export const unlessGone: RequestHandler = (_request, response, next) => {
  if (!response.closed) next()
}

/**
 * Drops the response of a client that stopped reading: writers are not told to wait, and Node does not limit what is
 * buffered for a response.
 */
export const boundUnread: RequestHandler = (_request, response, next) => {
  Object.assign(response, { write: writeBounded })
  next()
}

/** One function for all responses: thousands of them may stay open. */
function writeBounded(this: Response, ...given: [chunk: unknown, encoding: BufferEncoding]): boolean {
  if (canTake(this)) ServerResponse.prototype.write.call(this, ...given)
  return true
}
