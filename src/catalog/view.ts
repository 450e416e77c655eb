import { decide, type Target } from '../domain/access-policy.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../domain/documents/server-definition.ts'
import { type Snapshot, serverNamed, serversOf } from '../domain/snapshot.ts'
import type { ListKind } from '../upstream/connection/connection.ts'
import type { ListName } from '../upstream/discovery/listing.ts'
import { mergedInstructions } from './merged-instructions.ts'
import { merged, type Part } from './merged-parts.ts'
import { type CatalogItem, isForAskable, type ServerCatalog } from './server-catalog.ts'

/** The items that one principal may see, of all its servers or of one, sorted by shown name. */
export interface View {
  readonly tools: readonly CatalogItem[]
  readonly toolsByName: ReadonlyMap<string, CatalogItem>
  readonly prompts: readonly CatalogItem[]
  readonly resources: readonly CatalogItem[]
  readonly templates: readonly CatalogItem[]
  readonly servers: readonly ServerDefinition[]
  /** Servers of the view whose offer is not known yet, so that none of their items are listed. */
  readonly missing: readonly string[]
  /** Servers of the view that are unavailable; their last offer is listed. */
  readonly stale: readonly string[]
  /** The instructions of the servers for models. */
  readonly instructions: string | undefined
  /** TTL of each list in milliseconds, if a server stated one. */
  readonly ttlMs: Readonly<Partial<Record<ListName, number>>>
}

/** What a view is made from: the registry, and the catalog and the state of each server in it. */
export interface ViewSource {
  readonly snapshot: Snapshot
  readonly catalogOf: (server: ServerDefinition) => ServerCatalog | undefined
  readonly isAvailable: (server: ServerDefinition) => boolean
}

/** The caller of a view, and its scope. */
export interface ViewOf {
  readonly principal: Principal
  /** A server's name for that server alone under its own names; undefined for all servers. */
  readonly scope: string | undefined
  /** Whether the caller accepts requests of servers during a call. */
  readonly isInteractive: boolean
}

/** Builds the view of a principal: exactly what `decide` allows it. */
export function buildView(of: ViewOf, source: ViewSource): View {
  const servers = candidates(of, source.snapshot).filter((server) => isVisible(of.principal, server, source))
  const catalogs = servers.flatMap((server) => source.catalogOf(server) ?? [])
  const own = catalogs.map((catalog) => partOf(of, catalog, source))
  const parts = of.scope === undefined ? merged(own, servers, of.principal, source.snapshot) : own
  const tools = parts.flatMap((part) => part.tools)
  const missing = servers.filter((server) => source.catalogOf(server) === undefined)
  return {
    tools: tools.toSorted(byShownName),
    toolsByName: new Map(tools.map((tool) => [tool.shownAs, tool])),
    prompts: parts.flatMap((part) => part.prompts).toSorted(byShownName),
    resources: parts.flatMap((part) => part.resources).toSorted(byShownName),
    templates: parts.flatMap((part) => part.templates).toSorted(byShownName),
    servers,
    missing: missing.map(({ name }) => name),
    stale: servers
      .filter((server) => source.catalogOf(server) !== undefined && !source.isAvailable(server))
      .map(({ name }) => name),
    instructions: instructionsOf(of, catalogs),
    ttlMs: missing.length > 0 ? {} : shortestTtls(catalogs),
  }
}

function candidates({ principal, scope }: ViewOf, snapshot: Snapshot): ServerDefinition[] {
  if (scope === undefined) return serversOf(snapshot, principal.tenantId)
  const server = serverNamed(snapshot, principal.tenantId, scope)
  return server === undefined ? [] : [server]
}

function isVisible(principal: Principal, server: ServerDefinition, source: ViewSource): boolean {
  return isAllowed(principal, { server: serverKey(server), kind: 'server' }, source)
}

function isAllowed(principal: Principal, target: Target, { snapshot }: ViewSource): boolean {
  return decide(principal, 'list', target, snapshot).effect === 'allow'
}

function partOf(
  { principal, scope, isInteractive }: ViewOf,
  catalog: ServerCatalog,
  source: ViewSource,
): Part {
  const names = scope === undefined ? 'exposed' : 'plain'
  const visible = (
    items: readonly CatalogItem[],
    kind: 'tool' | 'prompt' | 'resource',
    list: ListName,
  ): CatalogItem[] =>
    items.filter(
      ({ server, name }) =>
        (isInteractive || !isForAskable(catalog, list, name)) &&
        isAllowed(principal, { server, kind, name }, source),
    )
  return {
    catalog,
    tools: visible(catalog.tools[names].items, 'tool', 'tools'),
    prompts: visible(catalog.prompts[names].items, 'prompt', 'prompts'),
    resources: visible(catalog.resources.items, 'resource', 'resources'),
    templates: visible(catalog.templates, 'resource', 'resourceTemplates'),
  }
}

function instructionsOf({ scope }: ViewOf, catalogs: readonly ServerCatalog[]): string | undefined {
  if (scope !== undefined) return catalogs[0]?.instructions
  return mergedInstructions(
    catalogs.flatMap(({ definition, instructions }) =>
      instructions === undefined ? [] : [{ serverName: definition.name, text: instructions }],
    ),
  )
}

/** The shortest TTL that a server states, for each list. */
function shortestTtls(catalogs: readonly ServerCatalog[]): Partial<Record<ListName, number>> {
  const shortest: Partial<Record<ListName, number>> = {}
  for (const { offer } of catalogs) {
    for (const list of ['tools', 'prompts', 'resources', 'resourceTemplates'] as const) {
      const ttlMs = offer.ttlMs[list]
      if (ttlMs !== undefined) shortest[list] = Math.min(shortest[list] ?? ttlMs, ttlMs)
    }
  }
  return shortest
}

function byShownName(a: CatalogItem, b: CatalogItem): number {
  return a.shownAs < b.shownAs ? -1 : 1
}

/** The lists that differ between two views, for `list_changed`. */
export function changedKinds(before: View, after: View): Set<ListKind> {
  const changed = new Set<ListKind>()
  if (!sameItems(before.tools, after.tools)) changed.add('tools')
  if (!sameItems(before.prompts, after.prompts)) changed.add('prompts')
  if (!sameItems(before.resources, after.resources) || !sameItems(before.templates, after.templates)) {
    changed.add('resources')
  }
  return changed
}

function sameItems(a: readonly CatalogItem[], b: readonly CatalogItem[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => isSame(item, b[index])))
}

/** Unchanged items are the same object, except those that were removed and added again. */
function isSame(a: CatalogItem, b: CatalogItem | undefined): boolean {
  return a === b || (a.shownAs === b?.shownAs && JSON.stringify(a.listed) === JSON.stringify(b.listed))
}
