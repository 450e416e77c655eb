import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Grant, RunOptions, Wanted } from './admission/call-queue.ts'
import { CircuitBreaker } from '../health/circuit-breaker.ts'
import type { ConcurrencyLimit } from './admission/concurrency-limit.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Connection } from '../connection/connection.ts'
import type { Offer } from '../discovery/discovery.ts'
import { IdleWatch } from '../../domain/idle-watch.ts'
import type { InstanceContext, InstanceStatus, Introduction } from '../instance/instance-context.ts'
import type { InstanceState } from '../instance/instance-state.ts'
import { Lead } from './members/leader.ts'
import type { Member } from './members/member.ts'
import { patiently } from './admission/deadline.ts'
import { Places } from './admission/admission.ts'
import { type OnResourceUpdated, ResourceWatches } from './members/resource-watches.ts'
import { Roster } from './members/members.ts'
import { rotationOf, settle } from './members/eligible.ts'
import { Runs, type Use } from './runs.ts'
import { ScaleIn } from './members/scale-in.ts'

/** What a pool reports to its server. */
export interface PoolEvents {
  /** The state of the pool: `ready` if one of its instances is. */
  readonly onState?: (state: InstanceState, reason: string | undefined) => void
  /** Absent if the pool's offer is not needed. */
  readonly onOffer?: (offer: Offer) => void
  /** The pool has not been used for the server's `pool.idleMs`. Absent if the pool never ends when it is idle. */
  readonly onIdle?: () => void
}

/** What a pool is made from. */
export interface PoolOptions {
  /** Makes unique instance ids. */
  readonly nextId: () => string
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  readonly events: PoolEvents
  /** The limit on concurrent calls that the pools of the server share. */
  readonly limit: ConcurrencyLimit
  /**
   * The one client that its connections are for. Absent if callers share them; no client capabilities are then
   * declared.
   */
  readonly client?: ClientSide | undefined
  /** Whether all its callers need the same instance, because it keeps state for them. */
  readonly isSolo?: boolean
  /** The subscriptions of the pool that this one replaces. */
  readonly watches?: ResourceWatches | undefined
}

/** The instances of one server that one set of callers shares. */
export class Pool {
  /** The client that the pool was made for. */
  readonly client: ClientSide | undefined
  /** Outlives the pool if another pool takes it over. */
  readonly watches: ResourceWatches
  /** Opens when calls of the pool fail; every call must go through it. */
  readonly breaker: CircuitBreaker
  readonly #context: InstanceContext
  readonly #events: PoolEvents
  readonly #logger: Logger
  readonly #isSolo: boolean
  readonly #roster: Roster
  readonly #lead: Lead
  readonly #places: Places
  readonly #runs: Runs
  readonly #scaleIn: ScaleIn
  /** Absent if the pool never ends when it is idle. */
  readonly #idleWatch: IdleWatch | undefined
  #definition: ServerDefinition
  #rotation: readonly Member[] = []
  #state: InstanceState = 'stopped'
  #isStopped = false

  constructor(options: PoolOptions) {
    const { definition, context, events, client, isSolo = false } = options
    const { clock, random } = context
    const { name: server, tenantId: tenant } = definition
    this.client = client
    this.#context = context
    this.#events = events
    this.#isSolo = isSolo
    this.#definition = definition
    this.#logger = context.logger.child({ server, tenant })
    this.watches = options.watches ?? new ResourceWatches({ server, clock, random, logger: this.#logger })
    this.breaker = new CircuitBreaker({
      server,
      settings: definition.circuitBreaker,
      clock,
      onTransition: (state, why) => {
        const level = state === 'open' ? 'warn' : 'info'
        this.#logger[level]({ breaker: state, reason: why }, `circuit is ${state}`)
        context.onBreaker?.(server, state)
      },
    })
    this.#lead = new Lead({
      context,
      definition: () => this.#definition,
      logger: this.#logger,
      watches: this.watches,
      onOffer: events.onOffer,
    })
    this.#roster = new Roster({
      definition,
      context,
      client,
      isSolo,
      isKept: events.onIdle !== undefined,
      nextId: options.nextId,
      events: {
        onChange: (_member, reason) => this.#changed(reason),
        needsOffer: () => this.#lead.needsOffer,
        onOffer: (member, offer) => this.#lead.offered(member, offer),
        onListChanged: (member) => this.#lead.listChanged(member),
        onResourceUpdated: (params) => this.watches.updated(params),
      },
      onLeave: (reason) => this.#changed(reason),
    })
    this.#places = new Places({
      definition,
      size: this.#roster.size,
      clock,
      random,
      limit: options.limit,
      lead: () => this.#lead.present,
      unavailable: () => this.#unavailable(),
      onBusy: () => context.onBusy?.(server),
    })
    this.#scaleIn = new ScaleIn({
      clock,
      idleMs: () => this.#definition.pool.idleMs,
      load: () => this.#places.inFlight + this.#places.waiting,
      onLook: (peak) => this.#shrink(peak),
    })
    this.#runs = new Runs({
      clock,
      places: this.#places,
      rotation: () => this.#rotation,
      wait: (wanted) => this.#granted(wanted),
      onLoad: () => this.#scaleIn.note(),
    })
    const { onIdle } = events
    this.#idleWatch =
      onIdle &&
      new IdleWatch({
        clock,
        idleMs: () => this.#definition.pool.idleMs,
        isInUse: () => this.isInUse,
        lastUse: () => this.lastUse,
        onIdle,
      })
  }

  get instances(): InstanceStatus[] {
    return this.#roster.statuses
  }

  /** Number of calls that wait for a place at an instance. */
  get waiting(): number {
    return this.#places.waiting
  }

  /** What the server declared on the present connection, or on the last one. */
  get introduction(): Introduction | undefined {
    return this.#lead.introduction
  }

  /** Whether it has stopped permanently; calls that waited for it can continue with its replacement. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Whether calls are in flight or resources watched. */
  get isInUse(): boolean {
    return this.#places.inFlight > 0 || this.#places.waiting > 0 || this.watches.isWatching
  }

  /** In monotonic milliseconds. */
  get lastUse(): number {
    return this.#runs.lastUse
  }

  start(): void {
    if (!this.#isStopped) this.#roster.start()
  }

  /**
   * Applies a definition without closing connections that it does not affect: instances are added and removed one by
   * one.
   */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#roster.update(definition)
    this.#places.update(definition, this.#roster.size)
    this.#lead.updated()
    this.breaker.update(definition.circuitBreaker)
    this.#changed(undefined)
  }

  /**
   * Runs `use` with the connection of a ready instance that has a place for the call; the call may wait for one. The
   * first call starts the pool and waits for it; later calls fail at once while no instance is available. If an
   * instance has certainly executed nothing, because it cannot be reached or has forgotten the session, `use` runs once
   * more with another connection.
   * @throws GatewayError `upstream_unavailable`, `upstream_busy` without having called `use`, `cancelled`, or what
   * `use` throws
   */
  run<T>(use: Use<T>, options: RunOptions): Promise<T> {
    return this.#runs.run(use, options)
  }

  /**
   * Subscribes to a resource until the returned function, which is idempotent, is called. The subscription survives
   * reconnects; after each one `onUpdated` is called with `{ uri }`, because an update may have been missed.
   * @throws GatewayError `upstream_unavailable`, `upstream_timeout`, `cancelled`, or what the server answers
   */
  async watchResource(uri: string, onUpdated: OnResourceUpdated, options: RunOptions): Promise<() => void> {
    const remove = this.watches.add(uri, onUpdated)
    const release = (): void => {
      this.#runs.used()
      remove()
    }
    if (this.watches.isAgreed(uri)) return release
    try {
      const agree = (connection: Connection): Promise<void> => this.watches.agree(connection, uri)
      await this.#inTime(this.#runs.run(agree, { ...options, isForLead: true }), options)
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  /** A client has connected that the server may offer more than others. */
  clientSeen(): void {
    this.#lead.clientSeen()
  }

  /** Forwards a notification of the pool's client, if the capability for it was declared to the server. */
  tell(method: string, params: JsonObject | undefined): void {
    if (this.client === undefined || !isDeclared(method, this.client)) return
    for (const { connection } of this.#roster.members) connection?.notify(method, params)
  }

  /**
   * Lets calls in flight finish within the drain timeout, unless `atOnce` is set, then stops the instances permanently.
   */
  async stop(reason: string, options: { atOnce?: boolean } = {}): Promise<void> {
    this.#isStopped = true
    this.#idleWatch?.stop()
    this.#scaleIn.stop()
    this.#lead.close()
    this.breaker.close()
    await this.#roster.stop(reason, options)
    await this.#lead.settled()
  }

  async #granted(wanted: Wanted): Promise<Grant> {
    if (this.#isStopped) throw this.#unavailable()
    if (this.#roster.state === 'stopped') this.start()
    if (this.#rotation.length === 0 && !this.#roster.isExpected && !this.#roster.startNext())
      throw this.#unavailable()
    const granted = this.#places.wait(wanted)
    this.#scaleIn.note()
    if (this.#places.isShort) this.#roster.grow(this.#places.waiting)
    return granted
  }

  #inTime<T>(work: Promise<T>, options: RunOptions): Promise<T> {
    const { name: server } = this.#definition
    return patiently(work, options, {
      clock: this.#context.clock,
      cancelled: () => new GatewayError('cancelled', undefined, { facts: this.#facts() }),
      late: () =>
        new GatewayError('upstream_timeout', `Server ${server} did not respond in time`, {
          facts: { server, mayHaveExecuted: true },
        }),
    })
  }

  #changed(reason: string | undefined): void {
    const { members } = this.#roster
    const rotation = rotationOf(members)
    settle(members, rotation, { logger: this.#logger, reason })
    this.#rotation = rotation
    this.#lead.elect(rotation)
    this.#places.rotate(rotation)
    if (rotation.length === 0 && !this.#roster.isExpected) this.#places.giveUp()
    this.#adapt(rotation)
    const { state } = this.#roster
    if (state === this.#state) return
    this.#state = state
    this.#events.onState?.(state, reason)
  }

  #adapt([first]: readonly Member[]): void {
    if (this.#isStopped) return
    if (this.#isSolo && first !== undefined) this.#roster.keepOnly(first)
    if (this.#definition.transport === 'stdio' && this.#roster.members.length > this.#roster.size.min)
      this.#scaleIn.begin()
  }

  /** Returns whether more instances can be stopped later. */
  #shrink(peak: number): boolean {
    const { min, max, callsPerInstance } = this.#roster.size
    const needed = Math.max(Math.ceil(peak / callsPerInstance), min, this.isInUse ? 1 : 0)
    this.#roster.shrink(Math.min(needed, max), this.#lead.member, 'it was not needed')
    return this.#roster.members.length > min
  }

  #unavailable(): GatewayError {
    const { retryAfterMs } = this.#roster
    return new GatewayError('upstream_unavailable', `Server ${this.#definition.name} is unavailable`, {
      facts: { ...this.#facts(), ...(retryAfterMs !== undefined && { retryAfterMs }) },
    })
  }

  #facts(): { server: string; mayHaveExecuted: false } {
    return { server: this.#definition.name, mayHaveExecuted: false }
  }
}

function isDeclared(method: string, { capabilities }: ClientSide): boolean {
  return method !== 'notifications/roots/list_changed' || isJsonObject(capabilities['roots'])
}
