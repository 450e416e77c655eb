import { ALL_TENANTS } from '../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/documents/server-definition.ts'
import type { QuarantinedDocument, Snapshot } from '../domain/snapshot.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { LastGood } from './documents/parse.ts'
import type { RegistryDocument } from './documents/registry-document.ts'
import type { ServerRules } from './documents/check-server.ts'
import { isSameSnapshot, parseSections, SectionMemory } from './documents/parse-sections.ts'
import type { RegistrySource, WrittenDocument } from './registry-source.ts'
import type { TenantDirectory } from './tenants.ts'

/** What finds servers in addition to the registry. */
export interface Discovery {
  start(onDocuments: (documents: readonly RegistryDocument[]) => void): void
  close(): void
}

/**
 * A registry with what was discovered added. The registry decides when there is a first snapshot, and has the names: a
 * discovered server whose name it has, be it in quarantine, is quarantined itself.
 */
export class CombinedSource implements RegistrySource {
  readonly #main: RegistrySource
  readonly #discovery: Discovery
  readonly #directory: TenantDirectory
  readonly #defaultTenant: string | undefined
  readonly #rules: ServerRules | undefined
  #onSnapshot: (snapshot: Snapshot) => void = () => {}
  #snapshot: Snapshot | undefined
  #documents: readonly RegistryDocument[] = []
  #lastGood: LastGood = new Map()
  #generation = 0
  #emitted: Snapshot | undefined
  readonly #memory = new SectionMemory()
  #forget: () => void = () => {}
  readonly #logger: Logger
  #isStale = false

  /** @param options.defaultTenant always known, even if there are tenant documents without it */
  constructor(options: {
    main: RegistrySource
    discovery: Discovery
    directory: TenantDirectory
    defaultTenant: string | undefined
    /** What the settings forbid. */
    rules?: ServerRules
    logger: Logger
  }) {
    this.#logger = options.logger
    this.#main = options.main
    this.#discovery = options.discovery
    this.#directory = options.directory
    this.#defaultTenant = options.defaultTenant
    this.#rules = options.rules
  }

  /** Resolves and rejects as the registry does; discovery is not waited for. */
  async start(onSnapshot: (snapshot: Snapshot) => void): Promise<void> {
    this.#onSnapshot = onSnapshot
    this.#discovery.start((documents) => {
      this.#documents = documents
      this.#emit()
    })
    await this.#main.start((snapshot) => {
      this.#snapshot = snapshot
      this.#emit()
    })
    this.#forget = this.#directory.onChange(() => this.#emit())
  }

  caughtUp(written: WrittenDocument): Promise<void> {
    return this.#main.caughtUp(written)
  }

  async close(): Promise<void> {
    this.#forget()
    this.#discovery.close()
    await this.#main.close()
  }

  /** Whether the last look at what was discovered could not be taken over. */
  get isStale(): boolean {
    return this.#isStale
  }

  /** Never throws: it runs where timers call it. */
  #emit(): void {
    try {
      this.#merge()
      this.#isStale = false
    } catch (error) {
      this.#isStale = true
      this.#logger.error({ err: error }, 'discovered servers could not be added to the registry')
    }
  }

  #merge(): void {
    if (this.#snapshot === undefined) return
    const merged = this.#merged(this.#snapshot)
    if (isSameSnapshot(this.#emitted, merged)) return
    this.#emitted = merged
    this.#generation += 1
    this.#onSnapshot({ ...merged, generation: this.#generation })
  }

  #merged(main: Snapshot): Snapshot {
    const { snapshot: found, lastGood } = parseSections({
      checks: { rules: this.#rules, isDiscovered: true },
      documents: { servers: this.#documents, templates: [], pipelines: [], enhancement_rules: [] },
      tenants: this.#directory.snapshot,
      defaultTenant: this.#defaultTenant,
      previous: this.#lastGood,
      generation: main.generation,
      memory: this.#memory,
    })
    this.#lastGood = lastGood
    const names = namesOf(main)
    const servers = new Map<ServerKey, ServerDefinition>(main.servers)
    const taken: QuarantinedDocument[] = []
    for (const [key, server] of found.servers) {
      if (!isTaken(names, server)) servers.set(key, server)
      else taken.push(refusalOf(server))
    }
    return { ...main, servers, quarantined: [...main.quarantined, ...found.quarantined, ...taken] }
  }
}

/** The tenants in which the registry has each name. */
function namesOf({ servers, quarantined }: Snapshot): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>()
  for (const { name, tenantId } of [...servers.values(), ...quarantined]) {
    if (tenantId === undefined) continue
    const tenants = names.get(name) ?? new Set()
    names.set(name, tenants.add(tenantId))
  }
  return names
}

/** Names are unique within a tenant and `*` together. */
function isTaken(
  names: ReadonlyMap<string, ReadonlySet<string>>,
  { name, tenantId }: ServerDefinition,
): boolean {
  const tenants = names.get(name)
  if (tenants === undefined) return false
  return tenantId === ALL_TENANTS || tenants.has(tenantId) || tenants.has(ALL_TENANTS)
}

function refusalOf(server: ServerDefinition): QuarantinedDocument {
  const { name, tenantId } = server
  return {
    id: `discovered ${serverKey(server)}`,
    name,
    tenantId,
    reason: `name: ${name} is already taken by the registry`,
    lastGoodServes: false,
  }
}
