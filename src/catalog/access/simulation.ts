import { namedIn, standIn } from '../../domain/access/conditions.ts'
import { documentOf } from '../../domain/access/explanation.ts'
import { canonicalJson, type JsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { serversOf, type Snapshot } from '../../domain/snapshot.ts'
import { accessKey } from '../../domain/principal.ts'
import { buildServerCatalog, type CatalogItem, type ServerCatalog } from '../server-catalog.ts'
import { buildView, changedKinds, type View, type ViewSource } from '../view.ts'
import type { LiveSession } from '../view-watch.ts'
import { roleCell } from './matrix.ts'

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
}

/**
 * What an edit would do to the callers of a tenant, without doing it: the views that `buildView` makes now are compared
 * with those that it would make.
 */
export function simulate(
  before: ViewSource,
  edit: RegistryEdit,
  { tenantId, sessions }: { tenantId: string; sessions: readonly LiveSession[] },
): Simulation {
  const after = edited(before, edit)
  const names = new Set([...edit.put.map(({ name }) => name), ...edit.removed.map(nameIn)])
  const involved = (source: ViewSource): ServerDefinition[] =>
    serversOf(source.snapshot, tenantId).filter(({ name }) => names.has(name))
  const sides = { before, after, tenantId, involved }
  const { roles, agents } = bothNamed(before.snapshot, after.snapshot, tenantId)
  return {
    documents: [
      ...edit.put.map((server) => documentChange(before, server)),
      ...edit.removed.map((key) => removal(before, key)),
    ],
    roles: [null, ...roles]
      .map((role) => ({ role, ...roleChanges(sides, role ?? undefined) }))
      .filter(isChange),
    agents: [null, ...agents]
      .map((agent) => ({ agent, ...agentChanges(sides, agent ?? undefined) }))
      .filter(isChange),
    sessions: sessionChanges(before, after, sessions),
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

interface Sides {
  readonly before: ViewSource
  readonly after: ViewSource
  readonly tenantId: string
  /** The servers of the tenant whose names are edited. */
  readonly involved: (source: ViewSource) => ServerDefinition[]
}

function roleChanges({ before, after, tenantId, involved }: Sides, role: string | undefined): ToolChanges {
  const usable = (source: ViewSource): string[] =>
    toolsOf(source, involved(source))
      .filter((tool) => roleCell(source, { tenantId, role }, targetOf(tool)).effect !== 'deny')
      .map(({ shownAs }) => shownAs)
  return differences(usable(before), usable(after))
}

function agentChanges({ before, after, tenantId, involved }: Sides, agent: string | undefined): ToolChanges {
  const usable = (source: ViewSource): string[] => {
    const { roles, scopes } = namedIn(source.snapshot, tenantId)
    const caller = standIn(tenantId, { roles, scopes, ...(agent !== undefined && { agent }) })
    const servers = new Map(involved(source).map((server) => [serverKey(server), server]))
    const snapshot = { ...source.snapshot, servers }
    return shownIn(
      buildView({ principal: caller, scope: undefined, isInteractive: true }, { ...source, snapshot }),
    )
  }
  return differences(usable(before), usable(after))
}

/** Sessions with equal rights, scope and abilities have one view. */
function sessionChanges(
  before: ViewSource,
  after: ViewSource,
  sessions: readonly LiveSession[],
): SessionChange[] {
  const compared = new Map<string, Omit<SessionChange, 'session'>>()
  return sessions.flatMap((session) => {
    const { principal, scope, isInteractive } = session
    const key = `${isInteractive}\n${scope ?? ''}\n${accessKey(principal)}`
    const change = compared.get(key) ?? viewChange(session, before, after)
    compared.set(key, change)
    return change.lists.length > 0 || change.pending.length > 0 ? [{ session, ...change }] : []
  })
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

function bothNamed(
  before: Snapshot,
  after: Snapshot,
  tenantId: string,
): { roles: string[]; agents: string[] } {
  const [one, other] = [namedIn(before, tenantId), namedIn(after, tenantId)]
  return {
    roles: [...new Set([...one.roles, ...other.roles])].toSorted(),
    agents: [...new Set([...one.agents, ...other.agents])].toSorted(),
  }
}

function toolsOf(source: ViewSource, servers: readonly ServerDefinition[]): CatalogItem[] {
  return servers.flatMap((server) => source.catalogOf(server)?.tools.exposed.items ?? [])
}

function targetOf({ server, name }: CatalogItem): { server: ServerKey; kind: 'tool'; name: string } {
  return { server, kind: 'tool', name }
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
