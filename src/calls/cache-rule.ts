import { isForAskable } from '../catalog/server-catalog.ts'
import { approvalRuleOf } from '../domain/documents/tool-approval.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { PlannedTarget } from './stage.ts'

/**
 * How long results of a tool may be cached, in milliseconds; undefined if they may not. An override for a pattern
 * applies only to tools that are annotated as read-only. A tool that is annotated as writing is never answered from the
 * cache, nor is a tool whose calls a person approves, or of a server that keeps state for each session.
 */
export function cacheTtlOf({ server, name, policy, offered, tool }: PlannedTarget): number | undefined {
  if (policy.cacheTtlMs === undefined || server.sharing === 'session') return undefined
  if (approvalRuleOf(server, policy, tool?.own) !== undefined) return undefined
  if (offered === undefined || isForAskable(offered, 'tools', name)) return undefined
  switch (effectOf(tool?.own)) {
    case 'reads':
      return policy.cacheTtlMs
    case 'writes':
      return undefined
    case 'unknown':
      return policy.exact?.cacheTtlMs
  }
}

/** The effect that a server declares for its tool; `unknown` if the tool is not listed or has no hints. */
export function effectOf(tool: JsonObject | undefined): 'reads' | 'writes' | 'unknown' {
  const annotations = tool?.['annotations']
  const { readOnlyHint, destructiveHint } = isJsonObject(annotations) ? annotations : {}
  if (readOnlyHint === true) return 'reads'
  return readOnlyHint === false || destructiveHint === true ? 'writes' : 'unknown'
}
