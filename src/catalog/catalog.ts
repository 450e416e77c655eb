import { LRUCache } from 'lru-cache'
import { accessKey, type Principal } from '../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot, serverNamed, serversOf } from '../domain/snapshot.ts'
import type { Offer } from '../upstream/discovery.ts'
import { buildServerCatalog, type CatalogItem, type ServerCatalog } from './server-catalog.ts'
import { buildView, type View } from './view.ts'

/** Views kept ready; one per set of rights and scope, not per caller. */
const MAX_CACHED_VIEWS = 2000

type CachedView = { readonly version: number; readonly view: View }

/** What all servers offer under the current snapshot, and what each principal sees of it. */
export class Catalog {
  #snapshot: Snapshot = EMPTY_SNAPSHOT
  #version = 0
  readonly #servers = new Map<ServerKey, ServerCatalog>()
  readonly #available = new Set<ServerKey>()
  readonly #listeners = new Set<() => void>()
  readonly #views = new LRUCache<string, CachedView>({ max: MAX_CACHED_VIEWS })
  readonly #onWanted: (key: ServerKey) => void

  /** @param options.onWanted called when somebody wants to use a server that has not said yet what it offers */
  constructor(options: { onWanted?: (key: ServerKey) => void } = {}) {
    this.#onWanted = options.onWanted ?? (() => undefined)
  }

  get snapshot(): Snapshot {
    return this.#snapshot
  }

  /** Takes over a snapshot; from here on every decision and view follows it. */
  applySnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot
    for (const [key, catalog] of this.#servers) {
      const definition = snapshot.servers.get(key)
      if (definition === undefined) this.#forget(key)
      else if (definition !== catalog.definition)
        this.#servers.set(key, buildServerCatalog(definition, catalog.offer, catalog))
    }
    this.#changed()
  }

  /** Takes over what a server offers now. Ignored for a server that the snapshot no longer has. */
  setOffer(key: ServerKey, offer: Offer): void {
    const definition = this.#snapshot.servers.get(key)
    if (definition === undefined) return
    this.#servers.set(key, buildServerCatalog(definition, offer, this.#servers.get(key)))
    this.#changed()
  }

  /** Marks whether a server can be called now; what it offered stays listed either way. */
  setAvailable(key: ServerKey, isAvailable: boolean): void {
    if (this.#available.has(key) === isAvailable) return
    if (isAvailable) this.#available.add(key)
    else this.#available.delete(key)
    this.#changed()
  }

  /** Calls `listener` after every change; the returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What `principal` sees: of all servers, or of the one named by `scope` under its own names. */
  viewOf(principal: Principal, scope?: string): View {
    const key = `${scope ?? ''}\n${accessKey(principal)}`
    const cached = this.#views.get(key)
    if (cached?.version === this.#version) return cached.view
    const view = buildView(principal, scope, {
      snapshot: this.#snapshot,
      catalogOf: (server) => this.#servers.get(serverKey(server)),
      isAvailable: (server) => this.#available.has(serverKey(server)),
    })
    this.#views.set(key, { version: this.#version, view })
    for (const name of view.missing) this.want(principal.tenantId, name)
    return view
  }

  /** Says that a server is wanted that has not answered yet; one that starts with its first use starts. */
  want(tenantId: string, name: string): void {
    const server = serverNamed(this.#snapshot, tenantId, name)
    if (server !== undefined) this.#onWanted(serverKey(server))
  }

  /** What is known of one server; undefined while it has not answered yet. */
  catalogOf(server: ServerDefinition): ServerCatalog | undefined {
    return this.#servers.get(serverKey(server))
  }

  /** The tool or prompt that a name means to a tenant, whoever may use it. */
  find(
    kind: 'tool' | 'prompt',
    tenantId: string,
    scope: string | undefined,
    name: string,
  ): CatalogItem | undefined {
    const server = serverNamed(this.#snapshot, tenantId, scope ?? serverPart(name))
    const catalog = server && this.catalogOf(server)
    const sets = kind === 'tool' ? catalog?.tools : catalog?.prompts
    return sets?.[scope === undefined ? 'exposed' : 'plain'].byName.get(name)
  }

  /** The servers of a tenant that may answer for a URI, the likeliest first, whoever may use them. */
  findResource(tenantId: string, scope: string | undefined, uri: string): CatalogItem[] {
    const servers = scope === undefined ? serversOf(this.#snapshot, tenantId) : this.#named(tenantId, scope)
    const catalogs = servers.flatMap((server) => this.catalogOf(server) ?? [])
    const listed = catalogs.flatMap((catalog) => catalog.resources.byName.get(uri) ?? [])
    const templates = catalogs.flatMap((catalog) =>
      catalog.templates.filter(({ matches, name }) => name === uri || matches(uri)),
    )
    return [...listed, ...templates]
  }

  #named(tenantId: string, name: string): ServerDefinition[] {
    const server = serverNamed(this.#snapshot, tenantId, name)
    return server === undefined ? [] : [server]
  }

  #forget(key: ServerKey): void {
    this.#servers.delete(key)
    this.#available.delete(key)
  }

  #changed(): void {
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }
}

/** The server that an exposed name belongs to. */
export function serverPart(exposedName: string): string {
  const end = exposedName.indexOf('_')
  return end === -1 ? exposedName : exposedName.slice(0, end)
}
