import { explain } from '../../domain/access/explanation.ts'
import { namedIn, standIn } from '../../domain/access/conditions.ts'
import type { RuleId } from '../../domain/access/rules.ts'
import type { Target } from '../../domain/access-policy.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import { serversOf } from '../../domain/snapshot.ts'
import type { CatalogItem } from '../server-catalog.ts'
import type { ViewSource } from '../view.ts'

/** What one role or agent may do; `conditional` where the agent or the scopes of the caller decide, too. */
export interface MatrixCell {
  readonly effect: 'allow' | 'deny' | 'conditional'
  /** The rule that decides; `allow` if every rule is met. */
  readonly ruleId: RuleId
}

/** What one agent may do with a server: how many of its tools it may use with every role and scope. */
export interface AgentCell extends MatrixCell {
  readonly tools: number
  readonly of: number
}

/** Rules about agents and scopes, which callers of one role may meet or not. */
const OF_OTHERS: ReadonlySet<RuleId> = new Set(['server-agents', 'tool-agents', 'tool-scopes'])

/** The tools of a tenant's servers, of every caller, sorted by exposed name. */
export function toolsOfTenant(source: ViewSource, tenantId: string): CatalogItem[] {
  return serversOf(source.snapshot, tenantId)
    .flatMap((server) => source.catalogOf(server)?.tools.exposed.items ?? [])
    .toSorted((a, b) => (a.shownAs < b.shownAs ? -1 : 1))
}

/** What a caller of a tenant with one role, or with none, may do with a server or a tool. */
export function roleCell(
  { snapshot }: Pick<ViewSource, 'snapshot'>,
  { tenantId, role }: { tenantId: string; role: string | undefined },
  target: Target,
): MatrixCell {
  const caller = standIn(tenantId, { roles: role === undefined ? [] : [role] })
  const unmet = explain(caller, 'call', target, snapshot).checks.filter(({ isMet }) => !isMet)
  const hard = unmet.find(({ ruleId }) => !OF_OTHERS.has(ruleId))
  if (hard !== undefined) return { effect: 'deny', ruleId: hard.ruleId }
  const [first] = unmet
  return first === undefined
    ? { effect: 'allow', ruleId: 'allow' }
    : { effect: isForNobody(first.value) ? 'deny' : 'conditional', ruleId: first.ruleId }
}

/** What an agent of a tenant, or one that no document names, may do with a server. */
export function agentCell(
  source: ViewSource,
  { tenantId, agent }: { tenantId: string; agent: string | undefined },
  server: ServerDefinition,
): AgentCell {
  const { roles, scopes } = namedIn(source.snapshot, tenantId)
  const caller = standIn(tenantId, { roles, scopes, ...(agent !== undefined && { agent }) })
  const items = source.catalogOf(server)?.tools.exposed.items ?? []
  const whole = explain(caller, 'call', { server: serverKey(server), kind: 'server' }, source.snapshot)
  if (whole.effect === 'deny') return { effect: 'deny', ruleId: whole.ruleId, tools: 0, of: items.length }
  const refused = items.flatMap((item) => refusalOf(caller, item, source))
  const tools = items.length - refused.length
  const [first] = refused
  return first === undefined
    ? { effect: 'allow', ruleId: 'allow', tools, of: items.length }
    : { effect: 'conditional', ruleId: first, tools, of: items.length }
}

function refusalOf(caller: Principal, { server, name }: CatalogItem, { snapshot }: ViewSource): RuleId[] {
  const { effect, ruleId } = explain(caller, 'call', { server, kind: 'tool', name }, snapshot)
  return effect === 'deny' ? [ruleId] : []
}

/** An empty list of agents. */
function isForNobody(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
