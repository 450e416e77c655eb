import { ALL_TENANTS, type Principal } from '../principal.ts'
import type { RequiredRoles } from '../documents/document-fields.ts'
import type { ServerDefinition } from '../documents/server-definition.ts'
import type { ToolOverride } from '../documents/tool-entries.ts'

/** The rule that a decision rests on; usage records and traces name it. */
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
  | 'tool-held'

/** One rule about who may use something: the field of its definition that states it, and whether a caller meets it. */
export interface AccessRule<T> {
  readonly ruleId: RuleId
  readonly field: keyof T & string
  /** What of the caller the rule is about; undefined where it is about no caller. */
  readonly about: 'tenantId' | 'roles' | 'agent' | 'scopes' | undefined
  readonly isMet: (principal: Principal, definition: T) => boolean
}

/** The rules of a server, in the order in which they are asked. */
export const SERVER_RULES: readonly AccessRule<ServerDefinition>[] = [
  {
    ruleId: 'tenant',
    field: 'tenantId',
    about: 'tenantId',
    isMet: ({ tenantId }, server) => server.tenantId === ALL_TENANTS || server.tenantId === tenantId,
  },
  { ruleId: 'disabled', field: 'enabled', about: undefined, isMet: (_principal, { enabled }) => enabled },
  {
    ruleId: 'server-roles',
    field: 'requiredRoles',
    about: 'roles',
    isMet: (principal, server) => hasRoles(principal, server.requiredRoles),
  },
  {
    ruleId: 'server-agents',
    field: 'agentAllowlist',
    about: 'agent',
    isMet: (principal, server) => isListedAgent(principal, server.agentAllowlist),
  },
]

/** The rules of an entry under `tools`, in the order in which they are asked. */
export const TOOL_RULES: readonly AccessRule<ToolOverride>[] = [
  {
    ruleId: 'tool-roles',
    field: 'requiredRoles',
    about: 'roles',
    isMet: (principal, entry) => hasRoles(principal, entry.requiredRoles),
  },
  {
    ruleId: 'tool-agents',
    field: 'agentAllowlist',
    about: 'agent',
    isMet: (principal, entry) => isListedAgent(principal, entry.agentAllowlist),
  },
  {
    ruleId: 'tool-scopes',
    field: 'scopes',
    about: 'scopes',
    isMet: (principal, entry) => hasScopes(principal, entry.scopes),
  },
]

function hasRoles({ roles }: Principal, required: RequiredRoles | undefined): boolean {
  if (required === undefined) return true
  if (Array.isArray(required)) return required.some((role) => roles.includes(role))
  // Documents cannot have an empty list; if one had, it would allow no caller.
  return required.allOf.length > 0 && required.allOf.every((role) => roles.includes(role))
}

function hasScopes({ scopes }: Principal, required: readonly string[] | undefined): boolean {
  return required === undefined || required.every((scope) => scopes.includes(scope))
}

function isListedAgent({ agent }: Principal, allowlist: readonly string[] | undefined): boolean {
  if (allowlist === undefined) return true
  return agent !== undefined && allowlist.includes(agent)
}
