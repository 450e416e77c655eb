import type { Caller, Operation } from '../call.ts'
import { clientOf } from '../router.ts'

/** What records take. */
const MAX_LENGTH = 128

/**
 * The name of the client of an operation: from `X-Client-Name` of its requests, else the name that the client declared;
 * cut to what records take.
 */
export function clientNameOf(caller: Caller, operation: Operation): string | undefined {
  return (caller.clientName ?? clientOf(caller, operation)?.name)?.slice(0, MAX_LENGTH).toWellFormed()
}
