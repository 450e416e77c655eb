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
}

/** Shared, so that no request has one of its own. */
const NOTHING = Object.freeze({})
