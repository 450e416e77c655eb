import { AsyncLocalStorage } from 'node:async_hooks'
import type { FollowedRequest } from './followed-request.ts'

/** The message that an HTTP exchange was begun for. */
interface Exchange {
  /** It waits for an answer. */
  readonly isRequest: boolean
  /** What is known of the request, if it is one of a caller. */
  readonly request: FollowedRequest | undefined
}

/** What a response or an event belongs to that is being read: the SDK does not tell which stream a message came by. */
export const exchanges = new AsyncLocalStorage<Exchange>()

/** Whether what goes on now is the exchange of a request, and not of a notification or of the standing stream. */
export function isOfRequest(): boolean {
  return exchanges.getStore()?.isRequest === true
}
