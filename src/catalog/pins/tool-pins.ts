import { type Clock, repeat } from '../../domain/clock.ts'
import { SerialQueues } from '../../domain/concurrency/serial-queues.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { HeldTool } from '../../domain/held-tools.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Offer } from '../../upstream/discovery/discovery.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'
import { ChangeReport, type ToolChange, type ToolsChanged } from './change-report.ts'
import { compare, type Comparison, expectedTool, type ToolChangePolicy, unknownPins } from './comparison.ts'
import { definitionHash } from './definition-hash.ts'
import { PinMemory } from './pin-memory.ts'
import type { Pin, PinOwner, PinStore, StoredPins } from './pin-store.ts'

/** How soon what another replica approved takes effect, and what the store did not take is tried again. */
const LOOK_MS = 2000
const MAX_ATTEMPTS = 3
const NONE: ReadonlyMap<string, HeldTool> = new Map()

/** The current offer of a server, and its trusted definitions. */
export interface PinnedServer extends Comparison {
  readonly definition: ServerDefinition
  readonly tools: readonly NamedItem[]
  readonly policy: ToolChangePolicy
  readonly pins: StoredPins['pins']
}

interface Watched {
  definition: ServerDefinition
  offer: Offer
  compared: Comparison | undefined
}

interface ToolPinsOptions {
  readonly store: Pick<PinStore, 'load' | 'save'>
  /** The policy for servers whose documents state none. */
  readonly policy: ToolChangePolicy
  /** How many pins are kept for one server; 20,000 by default. */
  readonly maxPins?: number
  /** Whether other replicas write to the store, too. */
  readonly isShared: boolean
  readonly onToolChange: (change: ToolChange) => void
  readonly onToolsChanged?: (changed: ToolsChanged) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The definitions of tools that are trusted, and what to do with others. What a server offers first is trusted; later
 * definitions are compared with that, for each tenant that uses the server.
 */
export class ToolPins {
  readonly #options: ToolPinsOptions
  readonly #watched = new Map<ServerKey, Watched>()
  readonly #stored = new Map<ServerKey, StoredPins>()
  /** Tools whose pins are not in the store yet. */
  readonly #unsaved = new Map<ServerKey, Set<string>>()
  /** Servers whose pins are more than the store takes: after a restart nothing would be known of them. */
  readonly #unsavable = new Set<ServerKey>()
  /** Servers of which it was said that their pins cannot be read or written. */
  readonly #failing = new Set<ServerKey>()
  /** One read or write after the other for each server. */
  readonly #turns = new SerialQueues<ServerKey>()
  readonly #report: ChangeReport
  readonly #memory: PinMemory
  readonly #stop: () => void
  #onPins: (key: ServerKey) => void = () => undefined

  constructor(options: ToolPinsOptions) {
    this.#options = options
    this.#report = new ChangeReport(options)
    this.#memory = new PinMemory(options)
    this.#stop = repeat(options.clock, LOOK_MS, () => this.#look())
  }

  /** Calls `listener` when the pins for a server have changed, so that it has to be checked again. */
  onPins(listener: (key: ServerKey) => void): void {
    this.#onPins = listener
  }

  /** Idempotent. */
  close(): void {
    this.#stop()
  }

  /**
   * The tools of an offer that are held back. Undefined while the pins for the server are not known and its tools may
   * have to be held back.
   */
  check(definition: ServerDefinition, offer: Offer): ReadonlyMap<string, HeldTool> | undefined {
    if (definition.transport === 'builtin' || offer.isPlaceholder === true) return NONE
    const key = serverKey(definition)
    const watched: Watched = { definition, offer, compared: undefined }
    this.#watched.set(key, watched)
    const stored = this.#stored.get(key)
    const policy = this.#policyOf(definition)
    if (policy === 'hold' && this.#unsavable.has(key)) return undefined
    if (stored === undefined) {
      void this.#inTurn(key, () => this.#load(key))
      return policy === 'hold' ? undefined : NONE
    }
    const unknown = unknownPins(offer.tools, stored, definition)
    if (unknown.size > 0) this.#pin(key, watched, stored, unknown)
    const compared = compare(offer.tools, stored, definition.tenantId, policy)
    watched.compared = compared
    this.#report.add(definition, compared, stored.pins.get(definition.tenantId), policy)
    const at = this.#options.clock.now()
    const taken = compared.taken.map((tool) => [tool.name, pinOf(tool, at)] as const)
    this.#pin(key, watched, stored, new Map(taken))
    return policy === 'hold' ? compared.waiting : NONE
  }

  /** The server is not there any more. Its pins stay for the case that it comes back. */
  forget(key: ServerKey): void {
    this.#watched.delete(key)
    this.#stored.delete(key)
    this.#unsaved.delete(key)
    this.#unsavable.delete(key)
    this.#report.forget(key)
    this.#memory.forget(key)
    this.#failing.delete(key)
  }

  /** Tools that are held back from at least one tenant. */
  get heldCount(): number {
    return [...this.#watched.values()].reduce((sum, watched) => sum + this.#heldOf(watched), 0)
  }

  /** What is known of a server; undefined for one that has offered nothing yet, or whose pins are not known. */
  of(key: ServerKey): PinnedServer | undefined {
    const watched = this.#watched.get(key)
    const stored = this.#stored.get(key)
    if (watched?.compared === undefined || stored === undefined) return undefined
    const { definition, offer, compared } = watched
    const { pins } = stored
    return { ...compared, definition, tools: offer.tools, policy: this.#policyOf(definition), pins }
  }

  /** Reads the pins for a server again, where another replica may have changed them. @throws GatewayError `state_unavailable` */
  async refresh(key: ServerKey): Promise<void> {
    const { isShared } = this.#options
    await this.#inTurn(key, () => (isShared ? this.#read(key) : this.#load(key)))
  }

  /**
   * Trusts definitions for a tenant from here on. Nothing is approved unless every tool has the hash that is expected.
   * @param options.tenantId the tenant that trusts them, or that of the server for all who may use it
   * @param options.expected hashes by the server's own names of the tools
   * @throws GatewayError `definition_changed`, `tool_not_found`, `server_not_found` or `state_unavailable`
   */
  async approve(
    key: ServerKey,
    options: { tenantId: string; by: string; expected: ReadonlyMap<string, string> },
  ): Promise<void> {
    const turn = this.#inTurn(key, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        await this.#save(key)
        await this.#read(key)
        if (await this.#approved(key, options)) return
      }
      throw new GatewayError('state_unavailable', 'Another replica is changing the same pins; try again')
    })
    await turn.catch(tooMuch)
  }

  async #approved(
    key: ServerKey,
    { tenantId, by, expected }: { tenantId: string; by: string; expected: ReadonlyMap<string, string> },
  ): Promise<boolean> {
    const watched = this.#watched.get(key)
    const stored = this.#stored.get(key)
    if (watched === undefined || stored === undefined) throw new GatewayError('server_not_found')
    const { definition, offer } = watched
    const tools = [...expected].map(([name, hash]) => expectedTool(offer.tools, name, hash))
    const own = new Map(stored.pins.get(tenantId))
    const at = this.#options.clock.now()
    for (const tool of tools) own.set(tool.name, { ...pinOf(tool, at), by })
    const next = { ...stored, pins: new Map(stored.pins).set(tenantId, own) }
    if (!(await this.#options.store.save({ server: definition, tenantId }, expected.keys(), next)))
      return false
    this.#stored.set(key, next)
    this.#onPins(key)
    return true
  }

  #policyOf({ toolChanges }: ServerDefinition): ToolChangePolicy {
    return toolChanges ?? this.#options.policy
  }

  #heldOf({ definition, compared }: Watched): number {
    return this.#policyOf(definition) === 'hold' ? (compared?.waiting.size ?? 0) : 0
  }

  /** What is pinned holds at once, and is written afterwards. */
  #pin(key: ServerKey, watched: Watched, { pins }: StoredPins, added: ReadonlyMap<string, Pin>): void {
    const { tenantId } = watched.definition
    const trusted = pins.get(tenantId) ?? new Map<string, Pin>()
    pins.set(tenantId, trusted)
    for (const [name, pin] of added) trusted.set(name, pin)
    const forgotten = this.#memory.fit(key, pins, tenantId, watched.offer.tools)
    const written = [...added.keys(), ...forgotten]
    if (written.length === 0) return
    const unsaved = this.#unsaved.get(key) ?? new Set()
    this.#unsaved.set(key, unsaved)
    for (const name of written) unsaved.add(name)
    void this.#inTurn(key, () => this.#save(key))
  }

  async #load(key: ServerKey): Promise<void> {
    if (!this.#stored.has(key) && this.#watched.has(key)) await this.#read(key)
  }

  async #read(key: ServerKey): Promise<void> {
    const watched = this.#watched.get(key)
    if (watched === undefined || (this.#unsaved.get(key)?.size ?? 0) > 0) return
    const before = this.#stored.get(key)
    const kept = this.#memory.counting(key, watched.offer.tools)
    const stored = await this.#options.store.load(watched.definition, kept)
    if (before !== undefined && isSame(before.versions, stored.versions)) return
    this.#stored.set(key, stored)
    if (stored.unreadable.size > 0)
      this.#options.logger.warn(
        { server: key, entries: stored.unreadable.size },
        'pins of tools cannot be read: whether these tools have changed is not known, so they count as changed',
      )
    this.#onPins(key)
  }

  async #save(key: ServerKey): Promise<void> {
    const watched = this.#watched.get(key)
    const stored = this.#stored.get(key)
    const tools = this.#unsaved.get(key)
    if (watched === undefined || stored === undefined || tools === undefined || tools.size === 0) return
    const { definition } = watched
    const owner: PinOwner = { server: definition, tenantId: definition.tenantId }
    const saving = [...tools]
    tools.clear()
    let isSaved = false
    try {
      isSaved = await this.#options.store.save(owner, saving, stored)
    } catch (error) {
      if (error instanceof RangeError) this.#unsavable.add(key)
      else for (const tool of saving) tools.add(tool)
      if (error instanceof RangeError) this.#onPins(key)
      throw error
    }
    if (isSaved) return
    // Another replica was first: what it wrote is trusted.
    tools.clear()
    this.#stored.delete(key)
    await this.#read(key)
  }

  #look(): void {
    for (const [key, watched] of this.#watched) {
      if (!this.#stored.has(key)) void this.#inTurn(key, () => this.#load(key))
      else if ((this.#unsaved.get(key)?.size ?? 0) > 0) void this.#inTurn(key, () => this.#save(key))
      else if (this.#options.isShared && this.#heldOf(watched) > 0)
        void this.#inTurn(key, () => this.#read(key))
    }
  }

  /** The promise need not be awaited: a failure is logged once, and retried. */
  #inTurn<T>(key: ServerKey, work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.run(key, work)
    turn.then(
      () => this.#failing.delete(key),
      (error: unknown) => {
        if (error instanceof GatewayError && error.code !== 'state_unavailable') return
        if (!this.#failing.has(key))
          this.#options.logger.warn({ server: key, err: error }, 'pins of tools cannot be read or written')
        this.#failing.add(key)
      },
    )
    return turn
  }
}

function tooMuch(error: unknown): never {
  if (!(error instanceof RangeError)) throw error
  throw new GatewayError(
    'state_unavailable',
    'The names of these tools are too long for their pins to be kept',
  )
}

function pinOf(tool: NamedItem, at: number): Pin {
  return { hash: definitionHash(tool), at, definition: tool }
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, version]) => b.get(key) === version)
}
