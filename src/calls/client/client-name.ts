import type { Caller, Operation } from '../call.ts'
import { clientOf } from '../router.ts'

/** The name of the client that an operation is of: as its requests say (`X-Client-Name`), else as the client gave it. */
export function clientNameOf(caller: Caller, operation: Operation): string | undefined {
  return caller.clientName ?? clientOf(caller, operation)?.name
}
