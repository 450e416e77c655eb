import { ERRORS } from './error-table.ts'
import type { GatewayError } from './errors.ts'

/** Where an error does not know the time itself. Of a limit, others have to finish first. */
const WAIT_SECONDS: Readonly<Record<number, number>> = { 429: 10, 503: 1 }

/** Seconds after which the request may be sent again (RFC 9110 §10.2.3); undefined if the error does not say so. */
export function retryAfterOf(error: GatewayError): number | undefined {
  const { retryAfterMs } = error.facts
  if (retryAfterMs !== undefined) return Math.max(1, Math.ceil(retryAfterMs / 1000))
  return WAIT_SECONDS[ERRORS[error.code].status]
}
