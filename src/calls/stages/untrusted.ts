import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type Answer, type StageFor, UnparsedAnswer } from '../stage.ts'

const MARK: JsonObject = { 'tool-gateway/untrusted': true }

/**
 * Stage: marks the results of a tool whose texts come from third parties, for clients that keep models from following such
 * texts.
 */
export const untrusted: StageFor = ({ method, policy }) => {
  if (!policy.untrusted || method.kind !== 'tool') return undefined
  return async (call, next) => marked(await next(call))
}

function marked(answer: Answer): Answer {
  const { raw, route } = answer
  const meta = raw === undefined ? answer.result['_meta'] : raw.get('_meta')
  const marks = { _meta: { ...(isJsonObject(meta) && meta), ...MARK } }
  if (raw !== undefined) return new UnparsedAnswer(raw.with(marks), route)
  const { result, isStateless } = answer
  return { route, result: { ...result, ...marks }, ...(isStateless !== undefined && { isStateless }) }
}
