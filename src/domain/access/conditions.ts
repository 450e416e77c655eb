import { ALL_TENANTS, type Principal } from '../principal.ts'
import type { RequiredRoles } from '../documents/document-fields.ts'
import type { ServerDefinition } from '../documents/server-definition.ts'
import { toolPolicy } from '../documents/tool-policy.ts'
import { serversOf, type Snapshot } from '../snapshot.ts'

/** Who can use a server or one of its tools: callers that meet every condition. */
export interface AccessConditions {
  /** `*` for all tenants. */
  readonly tenantId: string
  /** No caller can use what is disabled or not selected. */
  readonly isOffered: boolean
  /** Of each list one role, of each `allOf` every role. */
  readonly roles: readonly RequiredRoles[]
  /** Undefined for every agent; an empty list for none. */
  readonly agents: readonly string[] | undefined
  readonly scopes: readonly string[]
}

interface Restricted {
  readonly requiredRoles?: RequiredRoles | undefined
  readonly agentAllowlist?: readonly string[] | undefined
}

/** What a caller has to have to use a server, or its tool of that (own) name. */
export function conditionsOf(server: ServerDefinition, tool: string | undefined): AccessConditions {
  const { isSelected, overrides } = toolPolicy(server, tool)
  const parts: readonly Restricted[] = [server, ...overrides]
  return {
    tenantId: server.tenantId,
    isOffered: server.enabled && isSelected,
    roles: rolesOf(parts),
    agents: parts.reduce<readonly string[] | undefined>(
      (common, { agentAllowlist }) => inBoth(common, agentAllowlist),
      undefined,
    ),
    scopes: [...new Set(overrides.flatMap(({ scopes }) => scopes ?? []))],
  }
}

/** The conditions in one sentence. */
export function conditionsText({ tenantId, isOffered, roles, agents, scopes }: AccessConditions): string {
  if (!isOffered || agents?.length === 0) return 'No caller can use it.'
  const needs = [
    ...roles.map((each) =>
      Array.isArray(each)
        ? `${each.length === 1 ? 'the role' : 'one of the roles'} ${each.join(', ')}`
        : `all of the roles ${each.allOf.join(', ')}`,
    ),
    ...(agents === undefined ? [] : [`the agent ${agents.join(' or ')}`]),
    ...(scopes.length === 0 ? [] : [`the scopes ${scopes.join(', ')}`]),
  ]
  const who = tenantId === ALL_TENANTS ? 'Callers of every tenant' : `Callers of the tenant ${tenantId}`
  return `${who}${needs.length === 0 ? '' : ` with ${needs.join(', and ')}`}.`
}

/** The roles, agents and scopes that the documents of a tenant's servers name, sorted. */
export function namedIn(
  snapshot: Snapshot,
  tenantId: string,
): {
  readonly roles: readonly string[]
  readonly agents: readonly string[]
  readonly scopes: readonly string[]
} {
  const entries = serversOf(snapshot, tenantId).flatMap((server) => [
    { requiredRoles: server.requiredRoles, agentAllowlist: server.agentAllowlist, scopes: undefined },
    ...Object.values(server.tools ?? {}).flatMap((entry) => (Array.isArray(entry) ? [] : [entry])),
  ])
  const all = (of: (entry: (typeof entries)[number]) => readonly string[]): string[] =>
    [...new Set(entries.flatMap(of))].toSorted()
  return {
    roles: all(({ requiredRoles }) => rolesIn(requiredRoles)),
    agents: all(({ agentAllowlist }) => agentAllowlist ?? []),
    scopes: all(({ scopes }) => scopes ?? []),
  }
}

/** A caller of a tenant that stands for others, with what a question is about. */
export function standIn(
  tenantId: string,
  {
    roles = [],
    scopes = [],
    agent,
  }: { roles?: readonly string[]; scopes?: readonly string[]; agent?: string },
): Principal {
  return { tenantId, subject: '', agent, roles, scopes, issuer: '', expiresAtMs: Number.MAX_SAFE_INTEGER }
}

function rolesOf(parts: readonly Restricted[]): RequiredRoles[] {
  return parts.flatMap(({ requiredRoles }) => (requiredRoles === undefined ? [] : [requiredRoles]))
}

function rolesIn(required: RequiredRoles | undefined): readonly string[] {
  if (required === undefined) return []
  return Array.isArray(required) ? required : required.allOf
}

function inBoth(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.filter((each) => other.includes(each))
}
