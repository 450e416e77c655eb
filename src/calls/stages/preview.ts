import type { Clock } from '../../domain/clock.ts'
import { estimatedTokens, previewBytes, type ResultPreview } from '../../domain/documents/result-rules.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import { measure } from '../result-size.ts'
import type { StoredResults } from '../results/stored-results.ts'
import { storedUri } from '../results/stored-uri.ts'
import { previewOf, wholeText } from '../results/preview.ts'
import type { Answer, RoutedCall, StageFor } from '../stage.ts'

interface PreviewOptions {
  readonly storedResults: Pick<StoredResults, 'keep'>
  readonly metrics: Pick<Metrics, 'preview'>
  readonly clock: Clock
}

/**
 * Stage: gives a result that is larger than the operator wants models to read as a preview, with a link to the whole
 * that its caller can read for a while. A step of a pipeline gets the whole.
 */
export function preview(options: PreviewOptions): StageFor {
  return ({ method, policy }) => {
    const rule = method.kind === 'tool' ? policy.preview : undefined
    if (rule === undefined) return undefined
    return async (call, next) => {
      const answer = await next(call)
      if (call.operation.isStep === true || measure(answer) <= previewBytes(rule)) return answer
      const { result, route } = answer
      const inner = result['result']
      // A finished task of 2026-07-28 has its result in a member.
      if (isJsonObject(inner) && isResult(inner))
        return {
          route,
          result: { ...result, result: await previewed(options, call, answer, { result: inner, rule }) },
        }
      if (!isResult(result)) return answer
      return { route, result: await previewed(options, call, answer, { result, rule }) }
    }
  }
}

async function previewed(
  { storedResults, metrics }: PreviewOptions,
  { caller: { principal } }: RoutedCall,
  answer: Answer,
  { result, rule }: { result: JsonObject; rule: ResultPreview },
): Promise<JsonObject> {
  const { server, name: tool } = answer.route
  const whole = wholeText(result)
  const at = await storedResults.keep(principal, { ...whole, server: serverKey(server), tool }, rule.keepMs)
  const link = at && {
    uri: storedUri({ server: server.name, id: at.id }),
    until: new Date(at.until).toISOString(),
  }
  const shown = previewOf(result, whole, { link, maxBytes: previewBytes(rule) })
  const saved = Math.max(0, measure(answer) - Buffer.byteLength(JSON.stringify(shown)))
  metrics.preview(server.name, saved, estimatedTokens(saved))
  return shown
}

function isResult({ content, structuredContent, resultType }: JsonObject): boolean {
  if (resultType !== undefined && resultType !== 'complete') return false
  return Array.isArray(content) || structuredContent !== undefined
}
