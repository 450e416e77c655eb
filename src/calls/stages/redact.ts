import { inSlices, type Slices } from '../../domain/concurrency/slices.ts'
import { withTexts } from '../../domain/json/mapped-texts.ts'
import { textMask } from '../../domain/text/linear/text-masks.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { StageFor } from '../stage.ts'

const REDACTED = '***'

/** Stage: takes out of the results of a tool what the operator's patterns cover, of large ones in slices. */
export function redact({ metrics }: { metrics: Pick<Metrics, 'redacted'> }): StageFor {
  return ({ method, policy }) => {
    if (policy.redact === undefined || method.kind !== 'tool') return undefined
    const mask = textMask(policy.redact)
    return async (call, next) => {
      const answer = await next(call)
      let found = 0
      const change = function* (text: string): Slices<string> {
        const masked = yield* mask.slices(text, REDACTED)
        found += masked.count
        return masked.text
      }
      const result = await inSlices(withTexts(answer.result, change))
      if (found === 0) return answer
      const { route, isStateless } = answer
      metrics.redacted(route.server.name, 'pattern', found)
      return { route, result, ...(isStateless !== undefined && { isStateless }) }
    }
  }
}
