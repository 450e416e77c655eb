import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { httpStatusOf, isUnfitAnswer } from '../connection/upstream-error.ts'

/** What the outcome of a call shows about the server. */
export type Verdict = 'failure' | 'alive' | 'nothing'

/** What an error of a call that reached the server shows about it; any other error shows nothing. */
const VERDICTS: Partial<Record<ErrorCode, Verdict>> = {
  upstream_unavailable: 'failure',
  upstream_timeout: 'failure',
  upstream_bad_response: 'failure',
  upstream_error: 'alive',
  // Only this call was refused, and others may be allowed: one tool must not close the server to all callers.
  upstream_refused: 'alive',
  response_too_large: 'alive',
}

/** The HTTP status of a server that limits the rate of its calls, often for one tool or account. */
const TOO_MANY = 429

/**
 * What the failure of a call shows about the server.
 * @param wasTried whether the call reached the server
 */
export function verdictOf(error: unknown, wasTried: boolean): Verdict {
  if (!(error instanceof GatewayError) || !wasTried) return 'nothing'
  const status = httpStatusOf(error) ?? 0
  if (error.code === 'upstream_error' && status >= 500) return 'failure'
  if (error.code === 'upstream_unavailable' && status === TOO_MANY) return 'alive'
  return isAboutRequest(error) ? 'alive' : (VERDICTS[error.code] ?? 'nothing')
}

/** Failures that a caller can cause by its own request must not count against the server. */
function isAboutRequest(error: GatewayError): boolean {
  return (
    error.code === 'upstream_bad_response' && (error.facts.mayHaveExecuted === false || isUnfitAnswer(error))
  )
}
