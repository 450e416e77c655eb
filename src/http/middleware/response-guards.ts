import type { RequestHandler } from 'express'
import { canTake } from '../../mcp/transports/event-stream.ts'

/**
 * Goes no further for a client that went away while its request was looked at: whatever ends with a response would
 * wait for an end that has been.
 */
export const unlessGone: RequestHandler = (_request, response, next) => {
  if (!response.closed) next()
}

/**
 * Has a client that does not read lose its response. Nobody who writes is told to wait: what piles up in front of the
 * response is counted by nobody.
 */
export const boundUnread: RequestHandler = (_request, response, next) => {
  const write = response.write.bind(response)
  Object.assign(response, {
    write: (...given: Parameters<typeof write>) => {
      if (canTake(response)) write(...given)
      return true
    },
  })
  next()
}
