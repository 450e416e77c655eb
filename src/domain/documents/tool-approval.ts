import { z } from 'zod'
import type { ApprovalRule } from '../approvers.ts'
import { isJsonObject, type JsonObject } from '../json/json.ts'

const rule = z.enum(['caller', 'second-person'])

/** Whose yes the calls of a tool need; `none` exempts a tool from what a pattern or its server says. */
export const toolApproval = z.enum(['none', ...rule.options])

/** Which tools of a server need a yes where the entries under `tools` say nothing. */
export const serverApproval = z.strictObject({
  /**
   * `destructive`: those that say so (`destructiveHint`). `unless-safe`: all but those that say that they only read, or
   * destroy nothing; so MCP takes a tool that says nothing. `all`: every tool.
   */
  tools: z.enum(['destructive', 'unless-safe', 'all']),
  by: rule.default('caller'),
})

type ServerApproval = z.output<typeof serverApproval>

/**
 * Whose yes the calls of a tool need; undefined for a tool that needs none.
 * @param tool as its server defines it; of one that is not known yet the worst is assumed
 */
export function approvalRuleOf(
  { approval }: { readonly approval?: ServerApproval | undefined },
  policy: { readonly approval: z.output<typeof toolApproval> | undefined },
  tool: JsonObject | undefined,
): ApprovalRule | undefined {
  if (policy.approval !== undefined) return policy.approval === 'none' ? undefined : policy.approval
  return approval !== undefined && isMeant(approval.tools, tool) ? approval.by : undefined
}

function isMeant(tools: ServerApproval['tools'], tool: JsonObject | undefined): boolean {
  if (tools === 'all' || tool === undefined) return true
  const { readOnlyHint, destructiveHint } = isJsonObject(tool['annotations']) ? tool['annotations'] : {}
  if (tools === 'destructive') return destructiveHint === true
  return readOnlyHint !== true && destructiveHint !== false
}
