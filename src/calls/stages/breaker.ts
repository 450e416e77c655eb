import type { Stage } from '../call.ts'
import { poolOfCall } from '../routed.ts'

/** Stage: leaves a pool alone whose calls fail one after the other. */
export const breaker: Stage = (call, next) =>
  poolOfCall(call).breaker.run(next, () => call.instance !== undefined)
