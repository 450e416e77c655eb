import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { GatewayError } from '../../domain/errors/errors.ts'

/** What each way in which a model can fail says of its server, in the words of the circuit breaker. */
const CODES = {
  unreachable: 'upstream_unavailable',
  timeout: 'upstream_timeout',
  bad_answer: 'upstream_bad_response',
  unknown_model: 'upstream_error',
  refused: 'upstream_error',
} as const satisfies Record<string, ErrorCode>

type FailureReason = keyof typeof CODES

/** Why a prompt was left as it is. One of a fixed set: callers and metrics see it. */
export type Reason = FailureReason | 'off' | 'no_rule' | 'rule_disabled' | 'left_alone' | 'busy'

/** A model that gave no usable answer. */
export class ModelFailure extends GatewayError {
  readonly reason: FailureReason

  constructor(reason: FailureReason, cause?: unknown) {
    super(CODES[reason], undefined, { cause })
    this.reason = reason
  }
}

/** Why there is no answer; undefined where the caller itself went away, or the gateway failed. */
export function failureReason(error: unknown): Reason | undefined {
  if (error instanceof ModelFailure) return error.reason
  return error instanceof GatewayError && error.code === 'circuit_open' ? 'left_alone' : undefined
}
