import { OutgoingMessage } from 'node:http'
import type { Request, Response } from 'express'

/**
 * Lets go of what Express keeps of a request as long as its response is open: the rest of its route, what was read of
 * its head, and who sent it. For streams that stay open, of which there may be thousands, and behind the last thing
 * that reads it.
 */
export function forgetRequest(request: Request, response: Response): void {
  request.next = undefined
  request.params = NOTHING
  request.rawHeaders = []
  request.headers = NOTHING
  response.locals = NOTHING
  // What Express has read of the URL.
  Object.assign(request, { _parsedUrl: undefined })
  if (OUT_HEADERS !== undefined && response.headersSent) Object.assign(response, { [OUT_HEADERS]: null })
}

/** Under this Node keeps the headers of a response, of which it needs nothing more once they are sent. */
const OUT_HEADERS = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === 'kOutHeaders',
)

/** Shared, so that no request has one of its own. */
const NOTHING = Object.freeze({})
