import type { Response } from 'express'
import type { JsonObject } from '../domain/json/json.ts'

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

/** Starts a stream of events as the answer; later failures can no longer change the HTTP status. */
export function openEvents(response: Response): void {
  if (!response.headersSent) response.writeHead(200, HEADERS)
}

/** Sends one event; the first one opens the stream. */
export function sendEvent(response: Response, event: string, data: JsonObject): void {
  openEvents(response)
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}
