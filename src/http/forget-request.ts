import { OutgoingMessage } from 'node:http'
import type { Request, Response } from 'express'

/**
 * Removes the references that Express keeps while a response is open: the rest of the route, the parsed head, and the
 * sender. For streams, of which thousands may be open; called after the last code that reads them.
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

/** Node stores the headers of a response under this symbol, and does not need them once they are sent. */
const OUT_HEADERS = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === 'kOutHeaders',
)

/** Shared by all requests. */
const NOTHING = Object.freeze({})
