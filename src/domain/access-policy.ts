import type { Principal } from './principal.ts'
import { type RuleId, SERVER_RULES, TOOL_RULES } from './access/rules.ts'
import type { ServerDefinition, ServerKey } from './documents/server-definition.ts'
import { heldFrom } from './held-tools.ts'
import type { Snapshot } from './snapshot.ts'
import { toolPolicy } from './documents/tool-policy.ts'

/** What is done to a target. Rules do not differ by action today; records do. */
export type Action = 'list' | 'call' | 'read' | 'get' | 'complete' | 'subscribe'

/** What a decision is about: a server as a whole, or one thing that it offers. */
export interface Target {
  readonly server: ServerKey
  readonly kind: 'server' | 'tool' | 'resource' | 'prompt'
  /** Name of the tool or prompt, URI of the resource, as the server itself gives it. */
  readonly name?: string
}

/** The answer to whether a principal may do something. */
export interface Decision {
  readonly effect: 'allow' | 'deny'
  /** The rule that decided; `allow` when every rule was passed. */
  readonly ruleId: RuleId
}

const ALLOW: Decision = { effect: 'allow', ruleId: 'allow' }
const deny = (ruleId: RuleId): Decision => ({ effect: 'deny', ruleId })

/**
 * The one access decision of the gateway: whether `principal` may do `action` to `target` under `snapshot`.
 * Pure, so that an answer holds while principal and snapshot stay the same. A tool is allowed when both the server's
 * rules and the rules of every matching entry under `tools` are passed, so an override can narrow and never widen.
 */
export function decide(principal: Principal, _action: Action, target: Target, snapshot: Snapshot): Decision {
  const server = snapshot.servers.get(target.server)
  if (server === undefined) return deny('unknown-server')
  for (const rule of SERVER_RULES) if (!rule.isMet(principal, server)) return deny(rule.ruleId)
  const refusal = refusalByTool(principal, server, target)
  if (refusal !== undefined) return deny(refusal)
  // Last, because only those who may otherwise use a tool get to know that it is held back.
  return heldFrom(snapshot.held, principal.tenantId, target) === undefined ? ALLOW : deny('tool-held')
}

/**
 * All scopes that `target` needs, if nothing but scopes keeps the principal from it: a client may be told of them and
 * get a token that has them. Undefined when the principal is allowed, or would not be with any scope.
 */
export function scopesToStepUp(
  principal: Principal,
  action: Action,
  target: Target,
  snapshot: Snapshot,
): readonly string[] | undefined {
  if (decide(principal, action, target, snapshot).ruleId !== 'tool-scopes') return undefined
  const server = snapshot.servers.get(target.server)
  const overrides = server === undefined ? [] : toolPolicy(server, target.name ?? '').overrides
  const scopes = [...new Set(overrides.flatMap((override) => override.scopes ?? []))]
  const steppedUp = { ...principal, scopes: [...principal.scopes, ...scopes] }
  return decide(steppedUp, action, target, snapshot).effect === 'allow' ? scopes : undefined
}

function refusalByTool(principal: Principal, server: ServerDefinition, target: Target): RuleId | undefined {
  if (target.kind !== 'tool' || target.name === undefined) return undefined
  const { isSelected, overrides } = toolPolicy(server, target.name)
  if (!isSelected) return 'tool-selection'
  for (const override of overrides) {
    for (const rule of TOOL_RULES) if (!rule.isMet(principal, override)) return rule.ruleId
  }
  return undefined
}
