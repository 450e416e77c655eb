import { type Clock, repeat } from '../../domain/clock.ts'
import type { StreamResponse } from '../relay/stream-response.ts'

/**
 * Maximum data, in bytes, that one stream buffers for a client that does not read; a client that exceeds it is
 * disconnected.
 */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024

const KEEP_ALIVE_MS = 15_000

/**
 * Whether a stream of events can take more data; the stream of a client that does not read is ended, so that its buffer
 * stays limited.
 */
export function canTake(response: StreamResponse): boolean {
  if (!response.destroyed && response.writableLength <= MAX_UNREAD_BYTES) return true
  response.destroy()
  return false
}

/** Writes comments regularly, so that proxies do not close an idle stream; the returned function stops that. */
export function keepAlive(clock: Clock, response: StreamResponse): () => void {
  return repeat(clock, KEEP_ALIVE_MS, () => {
    if (canTake(response)) response.write(': keepalive\n\n')
  })
}

/** Begins a response that is a stream of events of a session. */
export function writeHead(response: StreamResponse, sessionId: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
    'Mcp-Session-Id': sessionId,
  })
}

/** Writes an event, unless the client does not read. */
export function writeTo(response: StreamResponse, event: string, isLast: boolean): void {
  if (!canTake(response)) return
  if (isLast) response.end(event)
  else response.write(event)
}

/** Answers a message that needs no answer of its own. */
export function accepted(response: StreamResponse): void {
  response.writeHead(202)
  response.end()
}
