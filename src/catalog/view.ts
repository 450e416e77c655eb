import { decide } from '../domain/access-policy.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../domain/server-definition.ts'
import { type Snapshot, serverNamed, serversOf } from '../domain/snapshot.ts'
import type { ListKind } from '../upstream/connection/connection.ts'
import type { CatalogItem, ServerCatalog } from './server-catalog.ts'

/** What one principal sees: of all its servers, or of one. Sorted by the name shown. */
export interface View {
  readonly tools: readonly CatalogItem[]
  readonly toolsByName: ReadonlyMap<string, CatalogItem>
  readonly prompts: readonly CatalogItem[]
  readonly resources: readonly CatalogItem[]
  readonly templates: readonly CatalogItem[]
  readonly servers: readonly ServerDefinition[]
  /** Servers of the view that have not answered yet, so that nothing of them is listed. */
  readonly missing: readonly string[]
  /** Servers of the view that are down now; what they last offered is listed. */
  readonly stale: readonly string[]
  /** What the server of a one-server view says about itself to models. */
  readonly instructions: string | undefined
}

export interface ViewSource {
  readonly snapshot: Snapshot
  readonly catalogOf: (server: ServerDefinition) => ServerCatalog | undefined
  readonly isAvailable: (server: ServerDefinition) => boolean
}

/**
 * The view of `principal`: what `decide` allows it, and nothing else.
 * @param scope a server's name for that server alone under its own names; undefined for all servers
 */
export function buildView(principal: Principal, scope: string | undefined, source: ViewSource): View {
  const servers = candidates(principal, scope, source.snapshot).filter((server) =>
    isVisible(principal, server, source),
  )
  const tools: CatalogItem[] = []
  const prompts: CatalogItem[] = []
  const resources = new Map<string, CatalogItem>()
  const templates = new Map<string, CatalogItem>()
  for (const server of servers) {
    const catalog = source.catalogOf(server)
    if (catalog === undefined) continue
    const names = scope === undefined ? 'exposed' : 'plain'
    tools.push(...catalog.tools[names].items.filter((item) => isAllowed(principal, 'tool', item, source)))
    prompts.push(
      ...catalog.prompts[names].items.filter((item) => isAllowed(principal, 'prompt', item, source)),
    )
    addUnclaimed(resources, catalog.resources.items, principal, source)
    addUnclaimed(templates, catalog.templates, principal, source)
  }
  return {
    tools: tools.toSorted(byShownName),
    toolsByName: new Map(tools.map((tool) => [tool.shownAs, tool])),
    prompts: prompts.toSorted(byShownName),
    resources: [...resources.values()].toSorted(byShownName),
    templates: [...templates.values()].toSorted(byShownName),
    servers,
    missing: servers.filter((server) => source.catalogOf(server) === undefined).map(({ name }) => name),
    stale: servers
      .filter((server) => source.catalogOf(server) !== undefined && !source.isAvailable(server))
      .map(({ name }) => name),
    instructions:
      scope === undefined
        ? undefined
        : servers.map((server) => source.catalogOf(server)?.offer.instructions)[0],
  }
}

function candidates(principal: Principal, scope: string | undefined, snapshot: Snapshot): ServerDefinition[] {
  if (scope === undefined) return serversOf(snapshot, principal.tenantId)
  const server = serverNamed(snapshot, principal.tenantId, scope)
  return server === undefined ? [] : [server]
}

function isVisible(principal: Principal, server: ServerDefinition, source: ViewSource): boolean {
  return (
    decide(principal, 'list', { server: serverKey(server), kind: 'server' }, source.snapshot).effect ===
    'allow'
  )
}

function isAllowed(
  principal: Principal,
  kind: 'tool' | 'prompt' | 'resource',
  item: CatalogItem,
  source: ViewSource,
): boolean {
  return (
    decide(principal, 'list', { server: item.server, kind, name: item.name }, source.snapshot).effect ===
    'allow'
  )
}

/** Of servers that offer the same URI, the first by name has it, as when it is read. */
function addUnclaimed(
  into: Map<string, CatalogItem>,
  items: readonly CatalogItem[],
  principal: Principal,
  source: ViewSource,
): void {
  for (const item of items) {
    if (!into.has(item.shownAs) && isAllowed(principal, 'resource', item, source))
      into.set(item.shownAs, item)
  }
}

function byShownName(a: CatalogItem, b: CatalogItem): number {
  return a.shownAs < b.shownAs ? -1 : 1
}

/** What differs between two views, as the kinds that `list_changed` knows. */
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

/** Items that did not change are the same object, but for those that went and came back. */
function isSame(a: CatalogItem, b: CatalogItem | undefined): boolean {
  return a === b || (a.shownAs === b?.shownAs && JSON.stringify(a.listed) === JSON.stringify(b.listed))
}
