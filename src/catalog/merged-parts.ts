import { decide } from '../domain/access-policy.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../domain/documents/server-definition.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import { aliasOf, splitAlias } from './resource-alias.ts'
import type { CatalogItem, ServerCatalog } from './server-catalog.ts'
import { uiResourcesOf, withUiResources } from './ui-tools.ts'

/** What one server contributes to a view. */
export interface Part {
  readonly catalog: ServerCatalog
  readonly tools: readonly CatalogItem[]
  readonly prompts: readonly CatalogItem[]
  readonly resources: readonly CatalogItem[]
  readonly templates: readonly CatalogItem[]
}

/**
 * The parts with every URI replaced by one that resolves to its own server in the merged view. A URI resolves to the
 * first server that lists it, by name, else to the first whose tools name it; the others show it under an alias.
 * @param servers all of the view, with or without a part
 */
export function merged(
  parts: readonly Part[],
  servers: readonly ServerDefinition[],
  principal: Principal,
  snapshot: Snapshot,
): Part[] {
  const resources = new Owners(servers)
  const templates = new Owners(servers)
  for (const part of parts) {
    resources.claimAll(part.resources)
    templates.claimAll(part.templates)
  }
  for (const { catalog } of parts) {
    for (const uri of catalog.uiResources.keys()) {
      if (namesUi(principal, catalog, uri, snapshot)) resources.claim(catalog.definition.name, uri)
    }
  }
  return parts.map((part) => ({
    ...part,
    tools: part.tools.map((tool) => withShownUis(tool, resources)),
    resources: part.resources.map((item) => withShownUri(item, 'uri', resources)),
    templates: part.templates.map((item) => withShownUri(item, 'uriTemplate', templates)),
  }))
}

/** Whether a tool that the principal may use names the `ui://` resource. */
export function namesUi(
  principal: Principal,
  { definition, uiResources }: ServerCatalog,
  uri: string,
  snapshot: Snapshot,
): boolean {
  const server = serverKey(definition)
  const tools = uiResources.get(uri) ?? []
  return tools.some(
    (name) => decide(principal, 'list', { server, kind: 'tool', name }, snapshot).effect === 'allow',
  )
}

/** The server that each URI resolves to. A URI in the form of an alias of a server of the view counts as one. */
class Owners {
  readonly #serverNames: ReadonlySet<string>
  readonly #owners = new Map<string, string>()

  constructor(servers: readonly ServerDefinition[]) {
    this.#serverNames = new Set(servers.map(({ name }) => name))
  }

  claim(serverName: string, uri: string): void {
    if (!this.#owners.has(uri)) this.#owners.set(uri, serverName)
  }

  claimAll(items: readonly CatalogItem[]): void {
    for (const { serverName, name } of items) this.claim(serverName, name)
  }

  /** The URI that the merged view shows for a server's own. */
  shownUri(serverName: string, uri: string): string {
    const alias = splitAlias(uri)
    const isAlias = alias !== undefined && this.#serverNames.has(alias.serverName)
    return this.#owners.get(uri) === serverName && !isAlias ? uri : aliasOf(serverName, uri)
  }
}

function withShownUri(item: CatalogItem, key: 'uri' | 'uriTemplate', owners: Owners): CatalogItem {
  const uri = owners.shownUri(item.serverName, item.name)
  return uri === item.name ? item : { ...item, shownAs: uri, listed: { ...item.listed, [key]: uri } }
}

function withShownUis(tool: CatalogItem, owners: Owners): CatalogItem {
  if (uiResourcesOf(tool.listed).length === 0) return tool
  const listed = withUiResources(tool.listed, (uri) => owners.shownUri(tool.serverName, uri))
  return listed === tool.listed ? tool : { ...tool, listed }
}
