import { ALL_TENANTS, type Principal } from './principal.ts'
import type { RequiredRoles, ServerDefinition, ServerKey, ToolOverride } from './server-definition.ts'
import type { Snapshot } from './snapshot.ts'

/** What is done to a target. Rules do not differ by action today; records do. */
export type Action = 'list' | 'call' | 'read' | 'get' | 'complete' | 'subscribe'

/** What a decision is about: a server as a whole, or one thing that it offers. */
export interface Target {
  readonly server: ServerKey
  readonly kind: 'server' | 'tool' | 'resource' | 'prompt'
  /** Name of the tool or prompt, URI of the resource, as the server itself gives it. */
  readonly name?: string
}

export type RuleId =
  | 'allow'
  | 'unknown-server'
  | 'tenant'
  | 'disabled'
  | 'server-roles'
  | 'server-agents'
  | 'tool-selection'
  | 'tool-roles'
  | 'tool-agents'
  | 'tool-scopes'

export interface Decision {
  readonly effect: 'allow' | 'deny'
  /** The rule that decided; `allow` when every rule was passed. */
  readonly ruleId: RuleId
}

const ALLOW: Decision = { effect: 'allow', ruleId: 'allow' }
const deny = (ruleId: RuleId): Decision => ({ effect: 'deny', ruleId })

/**
 * The one access decision of the gateway: whether `principal` may do `action` to `target` under `snapshot`.
 * Pure; every face asks it on every request. A tool is allowed when both the server's rules and the rules of
 * every matching entry under `tools` are passed, so an override can narrow and never widen.
 */
export function decide(principal: Principal, _action: Action, target: Target, snapshot: Snapshot): Decision {
  const server = snapshot.servers.get(target.server)
  if (server === undefined) return deny('unknown-server')
  const refusal = refusalByServer(principal, server) ?? refusalByTool(principal, server, target)
  return refusal === undefined ? ALLOW : deny(refusal)
}

function refusalByServer(principal: Principal, server: ServerDefinition): RuleId | undefined {
  if (server.tenantId !== ALL_TENANTS && server.tenantId !== principal.tenantId) return 'tenant'
  if (!server.enabled) return 'disabled'
  if (!hasRoles(principal, server.requiredRoles)) return 'server-roles'
  if (!isListedAgent(principal, server.agentAllowlist)) return 'server-agents'
  return undefined
}

function refusalByTool(principal: Principal, server: ServerDefinition, target: Target): RuleId | undefined {
  if (target.kind !== 'tool' || server.tools === undefined || target.name === undefined) return undefined
  if (!isSelected(server.tools, target.name)) return 'tool-selection'
  for (const override of overridesOf(server, target.name)) {
    if (!hasRoles(principal, override.requiredRoles)) return 'tool-roles'
    if (!isListedAgent(principal, override.agentAllowlist)) return 'tool-agents'
    if (!override.scopes?.every((scope) => principal.scopes.includes(scope)) && override.scopes)
      return 'tool-scopes'
  }
  return undefined
}

/** The entries under `tools` that match a tool, the one with its exact name last. */
export function overridesOf(server: ServerDefinition, tool: string): ToolOverride[] {
  return Object.entries(server.tools ?? {})
    .filter((entry): entry is [string, ToolOverride] => !Array.isArray(entry[1]) && matches(entry[0], tool))
    .toSorted(([a], [b]) => Number(a === tool) - Number(b === tool))
    .map(([, override]) => override)
}

function isSelected(tools: NonNullable<ServerDefinition['tools']>, tool: string): boolean {
  const { include, exclude } = tools
  if (Array.isArray(exclude) && exclude.some((pattern) => matches(pattern, tool))) return false
  return !Array.isArray(include) || include.some((pattern) => matches(pattern, tool))
}

/** Whether `text` matches a pattern in which `*` stands for any characters; linear in the text, no regex. */
export function matches(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === text
  const tail = rest.pop() ?? ''
  if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) return false
  let position = head.length
  const end = text.length - tail.length
  for (const part of rest) {
    const found = text.indexOf(part, position)
    if (found === -1 || found + part.length > end) return false
    position = found + part.length
  }
  return true
}

function hasRoles(principal: Principal, required: RequiredRoles | undefined): boolean {
  if (required === undefined) return true
  if (!Array.isArray(required)) return required.allOf.every((role) => principal.roles.includes(role))
  return required.length === 0 || required.some((role) => principal.roles.includes(role))
}

function isListedAgent(principal: Principal, allowlist: readonly string[] | undefined): boolean {
  if (allowlist === undefined) return true
  return principal.agent !== undefined && allowlist.includes(principal.agent)
}
