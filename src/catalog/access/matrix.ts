import { explain } from '../../domain/access/explanation.ts'
import { standIn } from '../../domain/access/conditions.ts'
import type { RuleId } from '../../domain/access/rules.ts'
import type { Target } from '../../domain/access-policy.ts'
import type { Slices } from '../../domain/concurrency/slices.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
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

/** Rules about roles and scopes, which callers of one agent may meet or not. */
const OF_CALLERS: ReadonlySet<RuleId> = new Set(['server-roles', 'tool-roles', 'tool-scopes'])

/** Explanations of one request, each of which takes some microseconds. */
export const MAX_EXPLANATIONS = 100_000
/** Documents may have long lists in many entries, so that an explanation takes up to a millisecond. */
export const EXPLANATIONS_A_SLICE = 25

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

/** The rule that denies an agent regardless of its roles and scopes; undefined if none does. */
export function refusalOfAgent(
  { snapshot }: Pick<ViewSource, 'snapshot'>,
  { tenantId, agent }: { tenantId: string; agent: string | undefined },
  target: Target,
): RuleId | undefined {
  const caller = standIn(tenantId, agent === undefined ? {} : { agent })
  return explain(caller, 'call', target, snapshot).checks.find(
    ({ ruleId, isMet, value }) => !isMet && (!OF_CALLERS.has(ruleId) || isForNobody(value)),
  )?.ruleId
}

/** What an agent of a tenant, or one that no document names, may do with a server. */
export function* agentCell(
  source: ViewSource,
  of: { tenantId: string; agent: string | undefined },
  server: ServerDefinition,
): Slices<AgentCell> {
  const items = source.catalogOf(server)?.tools.exposed.items ?? []
  const whole = refusalOfAgent(source, of, { server: serverKey(server), kind: 'server' })
  if (whole !== undefined) return { effect: 'deny', ruleId: whole, tools: 0, of: items.length }
  const refused: RuleId[] = []
  for (const [at, item] of items.entries()) {
    if (at % EXPLANATIONS_A_SLICE === EXPLANATIONS_A_SLICE - 1) yield
    const ruleId = refusalOfAgent(source, of, { server: item.server, kind: 'tool', name: item.name })
    if (ruleId !== undefined) refused.push(ruleId)
  }
  const tools = items.length - refused.length
  const [first] = refused
  return first === undefined
    ? { effect: 'allow', ruleId: 'allow', tools, of: items.length }
    : { effect: 'conditional', ruleId: first, tools, of: items.length }
}

/** An empty list. */
function isForNobody(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
