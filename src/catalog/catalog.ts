import { lruCache } from '../cache/lru.ts'
import { accessKey, type Principal } from '../domain/principal.ts'
import { runAll } from '../domain/run-all.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/documents/server-definition.ts'
import type { HeldTool } from '../domain/held-tools.ts'
import { EMPTY_SNAPSHOT, type Snapshot, serverNamed, serversOf } from '../domain/snapshot.ts'
import { exposedName } from '../domain/tool-name.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import { namesUi } from './merged-parts.ts'
import { buildServerCatalog, type CatalogItem, type ServerCatalog } from './server-catalog.ts'
import { buildView, type View, type ViewSource } from './view.ts'

/** Limit of cached views; each is shared by callers with equal rights and scope. */
const MAX_CACHED_VIEWS = 2000

/** What a view depends on in addition to its principal. */
export interface ViewOptions {
  /** Whether the caller accepts requests of servers during a call; some servers offer more to such callers. */
  readonly isInteractive?: boolean
}

/** Says which tools must not be offered as they are defined now. */
export interface DefinitionCheck {
  /** The tools that are held back; undefined while that is not known, so that nothing may be offered yet. */
  check(definition: ServerDefinition, offer: Offer): ReadonlyMap<string, HeldTool> | undefined
  /** The server is not there any more. */
  forget(key: ServerKey): void
}

const NOTHING_HELD: ReadonlyMap<string, HeldTool> = new Map()
const NO_CHECK: DefinitionCheck = { check: () => NOTHING_HELD, forget: () => undefined }

type CachedView = { readonly version: number; readonly view: View }

/** What all servers offer under the current snapshot, and what each principal sees of it. */
export class Catalog {
  #registry: Snapshot = EMPTY_SNAPSHOT
  /** The registry with what is held back of it. */
  #snapshot: Snapshot = EMPTY_SNAPSHOT
  #version = 0
  readonly #held = new Map<ServerKey, ReadonlyMap<string, HeldTool>>()
  /** Offers of which it is not known yet what has to be held back. */
  readonly #unchecked = new Map<ServerKey, Offer>()
  readonly #servers = new Map<ServerKey, ServerCatalog>()
  readonly #available = new Set<ServerKey>()
  readonly #listeners = new Set<() => void>()
  readonly #views = lruCache<CachedView>(MAX_CACHED_VIEWS)
  readonly #pins: DefinitionCheck
  readonly #onWanted: (key: ServerKey) => void
  readonly #onClient: (key: ServerKey) => void

  /**
   * @param options.onWanted called when a caller wants to use a server whose offer is not known yet
   * @param options.onClient called when a client that accepts requests of servers sees a server
   * @param options.pins by default no tool is held back
   */
  constructor(
    options: {
      onWanted?: (key: ServerKey) => void
      onClient?: (key: ServerKey) => void
      pins?: DefinitionCheck
    } = {},
  ) {
    this.#pins = options.pins ?? NO_CHECK
    this.#onWanted = options.onWanted ?? (() => undefined)
    this.#onClient = options.onClient ?? (() => undefined)
  }

  get snapshot(): Snapshot {
    return this.#snapshot
  }

  /** Changes whenever a snapshot was applied, or what a server offers has changed. */
  get version(): number {
    return this.#version
  }

  /**
   * Applies a snapshot; every decision and view follows it from here on.
   * @throws AggregateError if that failed for a server or a listener: the others have it nevertheless, and the offer of
   * that server is listed again only when it is reported again
   */
  applySnapshot(snapshot: Snapshot): void {
    this.#registry = snapshot
    this.#snapshot = this.#held.size === 0 ? snapshot : { ...snapshot, held: new Map(this.#held) }
    const steps = [...this.#servers].map(
      ([key, catalog]) =>
        () =>
          this.#redefine(key, catalog),
    )
    for (const key of this.#unchecked.keys()) if (!snapshot.servers.has(key)) this.#forget(key)
    runAll([...steps, () => this.#changed()])
  }

  #redefine(key: ServerKey, catalog: ServerCatalog): void {
    const definition = this.#registry.servers.get(key)
    if (definition === catalog.definition) return
    this.#servers.delete(key)
    if (definition === undefined) this.#forget(key)
    else if (this.#isChecked(key, definition, catalog.offer))
      this.#servers.set(key, buildServerCatalog(definition, catalog.offer, catalog))
  }

  #forget(key: ServerKey): void {
    this.#available.delete(key)
    this.#unchecked.delete(key)
    this.#held.delete(key)
    this.#pins.forget(key)
  }

  /** Notes what is held back of an offer. False while that is not known: the offer waits, and the server has none. */
  #isChecked(key: ServerKey, definition: ServerDefinition, offer: Offer): boolean {
    const held = this.#pins.check(definition, offer)
    if (held === undefined) {
      this.#unchecked.set(key, offer)
      this.#servers.delete(key)
      return false
    }
    this.#unchecked.delete(key)
    if (held.size === 0) this.#held.delete(key)
    else this.#held.set(key, held)
    return true
  }

  /** Asks again what is held back of what a server offers. */
  recheck(key: ServerKey): void {
    const definition = this.#registry.servers.get(key)
    const unchecked = this.#unchecked.get(key)
    if (definition === undefined) return
    if (unchecked !== undefined) return this.setOffer(key, unchecked)
    const catalog = this.#servers.get(key)
    if (catalog === undefined) return
    const before = this.#held.get(key) ?? NOTHING_HELD
    if (
      this.#isChecked(key, definition, catalog.offer) &&
      isSameHeld(before, this.#held.get(key) ?? NOTHING_HELD)
    )
      return
    this.#changed()
  }

  /** Sets what a server offers. Ignored for a server that is not in the snapshot. */
  setOffer(key: ServerKey, offer: Offer): void {
    const definition = this.#registry.servers.get(key)
    if (definition === undefined) return
    const before = this.#servers.get(key)
    if (this.#isChecked(key, definition, offer))
      this.#servers.set(key, buildServerCatalog(definition, offer, before))
    this.#changed()
  }

  /** Sets whether a server is available; its offer stays listed in either case. */
  setAvailable(key: ServerKey, isAvailable: boolean): void {
    if (this.#available.has(key) === isAvailable) return
    if (isAvailable) this.#available.add(key)
    else this.#available.delete(key)
    this.#changed()
  }

  /** Calls `listener` after every change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The view of `principal`: of all servers, or of the one named by `scope` under its own names. */
  viewOf(principal: Principal, scope?: string, { isInteractive = false }: ViewOptions = {}): View {
    const key = `${isInteractive}\n${scope ?? ''}\n${accessKey(principal)}`
    const cached = this.#views.get(key)
    if (cached?.version === this.#version) return cached.view
    const view = buildView({ principal, scope, isInteractive }, this.source())
    this.#views.set(key, { version: this.#version, view })
    for (const name of view.missing) this.want(principal.tenantId, name)
    if (isInteractive) for (const server of view.servers) this.#onClient(serverKey(server))
    return view
  }

  /** A caller wants to use a server whose offer is not known: one that starts on its first use is started. */
  want(tenantId: string, name: string): void {
    const server = serverNamed(this.#snapshot, tenantId, name)
    if (server !== undefined) this.#onWanted(serverKey(server))
  }

  /** What views are made from at present. */
  source(): ViewSource {
    return {
      snapshot: this.#snapshot,
      catalogOf: (server) => this.#servers.get(serverKey(server)),
      isAvailable: (server) => this.#available.has(serverKey(server)),
    }
  }

  /** The catalog of one server; undefined until its offer is known. */
  catalogOf(server: ServerDefinition): ServerCatalog | undefined {
    return this.#servers.get(serverKey(server))
  }

  /** The name by which callers know a tool that the server calls `own`, without the prefix of the server. */
  toolName(server: ServerKey, own: string): string {
    return this.#servers.get(server)?.toolsByOwnName.get(own)?.name ?? own
  }

  /** The exposed name of a tool that the server calls `own`. */
  exposedToolName(server: ServerKey, own: string): string {
    const { definition, tools } = this.#servers.get(server) ?? {}
    const name = definition?.name ?? server.slice(server.indexOf('/') + 1)
    return (tools && namesIn(tools.exposed.items).get(own)) ?? exposedName(name, own)
  }

  /** The tool or prompt that a name means for a tenant, independent of who may use it. */
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

  /**
   * The servers that may serve a URI of the merged view, the most likely first, including those that the principal may
   * not use. A tool's `ui://` resource counts only if the principal may use the tool.
   */
  serversFor(principal: Principal, uri: string): ServerDefinition[] {
    const catalogs = serversOf(this.#snapshot, principal.tenantId).flatMap(
      (server) => this.catalogOf(server) ?? [],
    )
    const listing = catalogs.filter(({ resources }) => resources.byName.has(uri))
    const naming = catalogs.filter((catalog) => namesUi(principal, catalog, uri, this.#snapshot))
    const matching = catalogs.filter(({ templates }) =>
      templates.some(({ matches, name }) => name === uri || matches(uri)),
    )
    return [...new Set([...listing, ...naming, ...matching])].map(({ definition }) => definition)
  }

  #changed(): void {
    // The held tools are those of this moment: a snapshot does not change.
    this.#snapshot = this.#held.size === 0 ? this.#registry : { ...this.#registry, held: new Map(this.#held) }
    this.#version += 1
    runAll(this.#listeners)
  }
}

/** The server that an exposed name belongs to. */
export function serverPart(name: string): string {
  const end = name.indexOf('_')
  return end === -1 ? name : name.slice(0, end)
}

function isSameHeld(a: ReadonlyMap<string, HeldTool>, b: ReadonlyMap<string, HeldTool>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([name, { hash, approvedBy }]) => {
      const other = b.get(name)
      return (
        other?.hash === hash &&
        [...approvedBy].every((tenantId) => other.approvedBy.has(tenantId)) &&
        other.approvedBy.size === approvedBy.size
      )
    })
  )
}

const namesOfItems = new WeakMap<readonly CatalogItem[], ReadonlyMap<string, string>>()

/** The shown names of items by the server's own: lists of all tools ask for each. */
function namesIn(items: readonly CatalogItem[]): ReadonlyMap<string, string> {
  let names = namesOfItems.get(items)
  if (names === undefined) {
    names = new Map(items.map(({ name, shownAs }) => [name, shownAs]))
    namesOfItems.set(items, names)
  }
  return names
}
