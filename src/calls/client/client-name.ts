import type { Caller, Operation } from '../call.ts'
import { clientOf } from '../router.ts'

/**
 * The name of the client of an operation: from `X-Client-Name` of its requests, else the name that the client declared.
 */
export function clientNameOf(caller: Caller, operation: Operation): string | undefined {
  return caller.clientName ?? clientOf(caller, operation)?.name
}
