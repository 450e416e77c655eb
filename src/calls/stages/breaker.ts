import type { Stage } from '../call.ts'
import { poolOfCall } from '../routed.ts'

/** Stage: refuses calls to a pool while its circuit breaker is open. */
export const breaker: Stage = (call, next) =>
  poolOfCall(call).breaker.run(next, () => call.instance !== undefined)
