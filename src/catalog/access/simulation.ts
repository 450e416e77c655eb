import { namedIn } from '../../domain/access/conditions.ts'
import type { Target } from '../../domain/access-policy.ts'
import type { Slices } from '../../domain/concurrency/slices.ts'
import { documentOf } from '../../domain/access/explanation.ts'
import { canonicalJson, type JsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { serversOf } from '../../domain/snapshot.ts'
import { accessKey } from '../../domain/principal.ts'
import { buildServerCatalog, type CatalogItem, type ServerCatalog } from '../server-catalog.ts'
import { buildView, changedKinds, type View, type ViewSource } from '../view.ts'
import type { LiveSession } from '../view-watch.ts'
import { EXPLANATIONS_A_SLICE, MAX_EXPLANATIONS, refusalOfAgent, roleCell } from './matrix.ts'

/** Roles, and agents, that are compared. */
const MAX_NAMES = 500

/** Documents as they would be, and those that would be gone. */
export interface RegistryEdit {
  readonly put: readonly ServerDefinition[]
  readonly removed: readonly ServerKey[]
}

/** Tools that become usable, or stop being so, by exposed name. */
interface ToolChanges {
  readonly gained: readonly string[]
  readonly lost: readonly string[]
}

/** What an edit does to one document. */
interface DocumentChange {
  readonly document: string
  readonly change: 'added' | 'changed' | 'removed' | 'none'
  readonly fields: readonly string[]
  /** Whether its tools are not known yet, so that they are not among the changes. */
  readonly toolsUnknown: boolean
}

/** What an edit does to one live session: which lists it would be told of, and which tools change for it. */
interface SessionChange extends ToolChanges {
  readonly session: LiveSession
  readonly lists: readonly string[]
  /** Servers that the session may use afterwards, whose tools are not known yet. */
  readonly pending: readonly string[]
}

/** What an edit of a registry would do. */
export interface Simulation {
  readonly documents: readonly DocumentChange[]
  readonly roles: readonly (ToolChanges & { readonly role: string | null })[]
  readonly agents: readonly (ToolChanges & { readonly agent: string | null })[]
  readonly sessions: readonly SessionChange[]
  /** How many more of each there are, which are not compared. */
  readonly rolesLeftOut: number
  readonly agentsLeftOut: number
}

/**
 * What an edit would do to the callers of a tenant, without doing it: what they may use now is compared with what they
 * could use then, for so many roles and agents as is not too much work, those that the edited documents name first.
 */
export function* simulate(
  before: ViewSource,
  edit: RegistryEdit,
  { tenantId, sessions }: { tenantId: string; sessions: readonly LiveSession[] },
): Slices<Simulation> {
  const documents: DocumentChange[] = []
  for (const server of edit.put) {
    documents.push(documentChange(before, server))
    yield
  }
  documents.push(...edit.removed.map((key) => removal(before, key)))
  const names = new Set([...edit.put.map(({ name }) => name), ...edit.removed.map(nameIn)])
  const sides = [
    yield* sideOf(before, tenantId, names),
    yield* sideOf(edited(before, edit), tenantId, names),
  ] as const
  const { roles, agents } = yield* namedBy(sides, tenantId)
  const compared = Math.floor(MAX_EXPLANATIONS / Math.max(1, sides[0].tools.length + sides[1].tools.length))
  const limit = Math.min(MAX_NAMES, compared)
  const changedRoles = yield* changesOf(sides, roles.slice(0, limit), (source, role, target) => {
    return roleCell(source, { tenantId, role }, target).effect !== 'deny'
  })
  const changedAgents = yield* changesOf(sides, agents.slice(0, limit), (source, agent, target) => {
    return refusalOfAgent(source, { tenantId, agent }, target) === undefined
  })
  return {
    documents,
    roles: changedRoles.map(({ name, ...changes }) => ({ role: name, ...changes })),
    agents: changedAgents.map(({ name, ...changes }) => ({ agent: name, ...changes })),
    sessions: yield* sessionChanges(sides[0].source, sides[1].source, sessions),
    rolesLeftOut: Math.max(0, roles.length - limit),
    agentsLeftOut: Math.max(0, agents.length - limit),
  }
}

/** The source of views as it would be after an edit; offers stay what they are until servers are asked again. */
function edited(before: ViewSource, { put, removed }: RegistryEdit): ViewSource {
  const servers = new Map(before.snapshot.servers)
  for (const key of removed) servers.delete(key)
  for (const server of put) servers.set(serverKey(server), server)
  const made = new Map<ServerKey, ServerCatalog>()
  return {
    snapshot: { ...before.snapshot, servers },
    isAvailable: before.isAvailable,
    catalogOf: (server) => {
      const present = before.catalogOf(server)
      if (present === undefined || present.definition === server) return present
      const key = serverKey(server)
      const catalog = made.get(key) ?? buildServerCatalog(server, present.offer, present)
      made.set(key, catalog)
      return catalog
    },
  }
}

/** The registry before or after an edit. */
interface Side {
  readonly source: ViewSource
  /** The servers of the tenant whose names are edited, and their tools. */
  readonly servers: readonly ServerDefinition[]
  readonly tools: readonly CatalogItem[]
}

type Sides = readonly [before: Side, after: Side]

function* sideOf(source: ViewSource, tenantId: string, names: ReadonlySet<string>): Slices<Side> {
  const servers = serversOf(source.snapshot, tenantId).filter(({ name }) => names.has(name))
  const tools: CatalogItem[] = []
  for (const server of servers) {
    tools.push(...(source.catalogOf(server)?.tools.exposed.items ?? []))
    yield
  }
  return { source, servers, tools }
}

type IsUsable = (source: ViewSource, name: string | undefined, target: Target) => boolean

/** What changes for callers with one of some names, and for those with none. */
function* changesOf(
  [before, after]: Sides,
  names: readonly string[],
  isUsable: IsUsable,
): Slices<(ToolChanges & { readonly name: string | null })[]> {
  const changes: (ToolChanges & { readonly name: string | null })[] = []
  for (const name of [null, ...names.toSorted()]) {
    const now = yield* usableTools(before, name ?? undefined, isUsable)
    const change = differences(now, yield* usableTools(after, name ?? undefined, isUsable))
    if (isChange(change)) changes.push({ name, ...change })
  }
  return changes
}

function* usableTools(
  { source, tools }: Side,
  name: string | undefined,
  isUsable: IsUsable,
): Slices<string[]> {
  const usable: string[] = []
  for (const [at, tool] of tools.entries()) {
    if (at % EXPLANATIONS_A_SLICE === EXPLANATIONS_A_SLICE - 1) yield
    if (isUsable(source, name, { server: tool.server, kind: 'tool', name: tool.name }))
      usable.push(tool.shownAs)
  }
  yield
  return usable
}

/** Sessions with equal rights, scope and abilities have one view. */
function* sessionChanges(
  before: ViewSource,
  after: ViewSource,
  sessions: readonly LiveSession[],
): Slices<SessionChange[]> {
  const compared = new Map<string, Omit<SessionChange, 'session'>>()
  const changes: SessionChange[] = []
  for (const session of sessions) {
    const { principal, scope, isInteractive } = session
    const key = `${isInteractive}\n${scope ?? ''}\n${accessKey(principal)}`
    let change = compared.get(key)
    if (change === undefined) {
      change = viewChange(session, before, after)
      compared.set(key, change)
      yield
    }
    if (change.lists.length > 0 || change.pending.length > 0) changes.push({ session, ...change })
  }
  return changes
}

function viewChange(of: LiveSession, before: ViewSource, after: ViewSource): Omit<SessionChange, 'session'> {
  const [now, then] = [buildView(of, before), buildView(of, after)]
  return {
    ...differences(shownIn(now), shownIn(then)),
    lists: [...changedKinds(now, then)],
    pending: then.missing.filter((name) => !now.missing.includes(name)),
  }
}

function documentChange(before: ViewSource, server: ServerDefinition): DocumentChange {
  const present = before.snapshot.servers.get(serverKey(server))
  const fields = present === undefined ? [] : fieldsThatDiffer({ ...present }, { ...server })
  return {
    document: documentOf(server),
    change: present === undefined ? 'added' : fields.length === 0 ? 'none' : 'changed',
    fields,
    toolsUnknown: before.catalogOf(server) === undefined,
  }
}

function removal({ snapshot }: ViewSource, key: ServerKey): DocumentChange {
  const change = snapshot.servers.has(key) ? 'removed' : 'none'
  return { document: `servers/${key}`, change, fields: [], toolsUnknown: false }
}

function fieldsThatDiffer(before: JsonObject, after: JsonObject): string[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...fields]
    .filter((field) => canonicalJson(before[field] ?? null) !== canonicalJson(after[field] ?? null))
    .toSorted()
}

/** What documents name before or after an edit, the edited ones first. */
function* namedBy(sides: Sides, tenantId: string): Slices<{ roles: string[]; agents: string[] }> {
  const ofEdited = sides.map(({ source, servers }) => ({
    ...source.snapshot,
    servers: new Map(servers.map((server) => [serverKey(server), server])),
  }))
  const roles = new Set<string>()
  const agents = new Set<string>()
  for (const snapshot of [...ofEdited, ...sides.map(({ source }) => source.snapshot)]) {
    const named = namedIn(snapshot, tenantId)
    for (const role of named.roles) roles.add(role)
    for (const agent of named.agents) agents.add(agent)
    yield
  }
  return { roles: [...roles], agents: [...agents] }
}

function shownIn({ tools }: View): string[] {
  return tools.map(({ shownAs }) => shownAs)
}

function differences(before: readonly string[], after: readonly string[]): ToolChanges {
  const [had, has] = [new Set(before), new Set(after)]
  return {
    gained: after.filter((name) => !had.has(name)),
    lost: before.filter((name) => !has.has(name)),
  }
}

function isChange({ gained, lost }: ToolChanges): boolean {
  return gained.length + lost.length > 0
}

function nameIn(key: ServerKey): string {
  return key.slice(key.indexOf('/') + 1)
}
