import type { Response } from 'express'
import { type Clock, repeat } from '../../domain/clock.ts'
import { MAX_UNREAD_BYTES } from '../unread.ts'

const KEEP_ALIVE_MS = 15_000

/**
 * Whether a stream of events can take more data; the stream of a client that does not read is ended, so that its buffer
 * stays limited.
 */
export function canTake(response: Response): boolean {
  if (!response.destroyed && response.writableLength <= MAX_UNREAD_BYTES) return true
  response.destroy()
  return false
}

/** Writes comments regularly, so that proxies do not close an idle stream; the returned function stops that. */
export function keepAlive(clock: Clock, response: Response): () => void {
  return repeat(clock, KEEP_ALIVE_MS, () => {
    if (canTake(response)) response.write(': keepalive\n\n')
  })
}
