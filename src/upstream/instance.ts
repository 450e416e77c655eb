import type { Clock } from '../domain/clock.ts'
import { GatewayError, messageOf } from '../domain/errors.ts'
import type { ServerDefinition } from '../domain/server-definition.ts'
import type { Logger } from '../telemetry/logger.ts'
import { backoffMs } from './backoff.ts'
import type { Connect, Connection, Era } from './connection/connection.ts'
import { discover, type Offer } from './discovery.ts'
import { type InstanceEvent, type InstanceState, transition } from './instance-state.ts'
import { Rediscovery } from './rediscovery.ts'
import { RestartBudget } from './restart-budget.ts'
import type { Slots } from './slots.ts'

const MAX_DISCOVERY_MS = 30_000

/** What an operator sees of an instance. */
export interface InstanceStatus {
  readonly id: string
  readonly state: InstanceState
  readonly pid?: number
  readonly era?: Era
  readonly protocolVersion?: string
  /** Starts after the first one. */
  readonly restarts: number
  readonly lastError?: string
}

/** What every instance of one process needs alike. */
export interface InstanceContext {
  readonly connect: Connect
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Bounds how many start at the same time. */
  readonly slots: Slots
  readonly connectTimeoutMs: number
  readonly drainTimeoutMs: number
}

export interface InstanceEvents {
  readonly onState: (state: InstanceState, reason: string | undefined) => void
  /** Absent where nobody needs to know what the instance offers: it is then not asked. */
  readonly onOffer?: ((offer: Offer) => void) | undefined
}

/** One supervised connection: opened, asked what it offers, watched, and opened again with backoff when it is lost. */
export class Instance {
  readonly id: string
  readonly #context: InstanceContext
  readonly #events: InstanceEvents
  readonly #logger: Logger
  readonly #budget: RestartBudget
  readonly #rediscovery: Rediscovery
  #definition: ServerDefinition
  #state: InstanceState = 'stopped'
  #connection: Connection | undefined
  /** Ends what belongs to the present connection or opening. */
  #life = new AbortController()
  #cancelRetry: (() => void) | undefined
  #retryAt = 0
  #starts = 0
  #lastError: string | undefined
  #inFlight = 0
  #whenIdle: (() => void) | undefined
  /** The present opening, if one is under way; it never rejects. */
  #opening: Promise<void> = Promise.resolve()
  /** The end of the connection before, which takes a while when its process hangs. */
  #farewell: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #isUrgent = false
  #toldProblems = ''

  constructor(options: {
    id: string
    definition: ServerDefinition
    context: InstanceContext
    events: InstanceEvents
  }) {
    const { id, definition, context, events } = options
    this.id = id
    this.#definition = definition
    this.#context = context
    this.#events = events
    this.#logger = context.logger.child({
      server: definition.name,
      tenant: definition.tenantId,
      instance: id,
    })
    this.#budget = new RestartBudget({ clock: context.clock })
    this.#rediscovery = new Rediscovery({
      clock: context.clock,
      ttlMs: () => this.#definition.catalogTtlMs,
      run: () => this.#rediscover(),
    })
  }

  get state(): InstanceState {
    return this.#state
  }

  /** The open connection of a ready instance. */
  get connection(): Connection | undefined {
    return this.#state === 'ready' ? this.#connection : undefined
  }

  /** Calls in flight. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Until the next start of an instance that backs off, in milliseconds. */
  get retryAfterMs(): number | undefined {
    if (this.#state !== 'backing_off') return undefined
    return Math.max(0, Math.ceil(this.#retryAt - this.#context.clock.monotonic()))
  }

  get status(): InstanceStatus {
    const connection = this.#connection
    return {
      id: this.id,
      state: this.#state,
      ...(connection?.pid !== undefined && { pid: connection.pid }),
      ...(connection !== undefined && { era: connection.era, protocolVersion: connection.protocolVersion }),
      restarts: Math.max(0, this.#starts - 1),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    }
  }

  /** Takes over fields that do not concern the connection. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    if (this.#state === 'ready' && this.#events.onOffer !== undefined) this.#rediscovery.start()
  }

  start(): void {
    if (this.#stopping === undefined && this.#apply('start')) this.#launch()
  }

  /** A call begins; it goes on while the instance drains. */
  enter(): void {
    this.#inFlight += 1
  }

  leave(): void {
    this.#inFlight -= 1
    if (this.#inFlight === 0) this.#whenIdle?.()
  }

  /**
   * Lets calls in flight finish within the drain time, then closes the connection. For good.
   * @param options.atOnce does not wait for calls in flight, also where an earlier stop does
   */
  stop(reason: string, { atOnce = false }: { atOnce?: boolean } = {}): Promise<void> {
    if (atOnce) {
      this.#isUrgent = true
      this.#whenIdle?.()
    }
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: string): Promise<void> {
    this.#cancelRetry?.()
    this.#rediscovery.close()
    this.#apply('stop', reason)
    if (this.#state === 'draining') await this.#drained()
    this.#life.abort(new Error(reason))
    await this.#opening
    const connection = this.#connection
    this.#connection = undefined
    await Promise.all([connection?.close(), this.#farewell])
    this.#apply('drained', reason)
  }

  async #drained(): Promise<void> {
    if (this.#inFlight === 0 || this.#isUrgent) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenIdle = resolve
    const cancel = this.#context.clock.after(this.#context.drainTimeoutMs, resolve)
    await promise
    cancel()
  }

  #launch(): void {
    this.#starts += 1
    this.#life = new AbortController()
    const { signal } = this.#life
    const open = (): Promise<void> => this.#context.slots.use(() => this.#open(signal), signal)
    const opening = this.#farewell === undefined ? open() : this.#farewell.then(open)
    this.#opening = opening.catch((error: unknown) => this.#lost(signal, messageOf(error), error))
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { connect, clock, connectTimeoutMs } = this.#context
    const endsAt = clock.monotonic() + connectTimeoutMs
    const connection = await connect(
      this.#definition,
      {
        onLost: (reason) => this.#lost(signal, reason),
        onListChanged: () => this.#rediscovery.request(),
      },
      { timeoutMs: connectTimeoutMs, signal },
    )
    try {
      const remainingMs = Math.max(1, endsAt - clock.monotonic())
      const offer = this.#events.onOffer && (await discover(connection, { timeoutMs: remainingMs, signal }))
      this.#opened(signal, connection, offer)
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  #opened(signal: AbortSignal, connection: Connection, offer: Offer | undefined): void {
    signal.throwIfAborted()
    this.#connection = connection
    this.#lastError = undefined
    this.#budget.ready()
    if (offer !== undefined) this.#offer(offer)
    this.#apply('opened')
    if (offer !== undefined) this.#rediscovery.start()
  }

  #offer(offer: Offer): void {
    const problems = offer.problems.join('\n')
    if (problems !== '' && problems !== this.#toldProblems) {
      this.#logger.warn({ problems: offer.problems }, 'left out parts of what the server offers')
    }
    this.#toldProblems = problems
    this.#events.onOffer?.(offer)
  }

  /** The opening failed or the connection ended. `signal` tells a late report from one that matters. */
  #lost(signal: AbortSignal, reason: string, error?: unknown): void {
    if (signal.aborted) return
    this.#life.abort(new Error(reason))
    this.#rediscovery.stop()
    const connection = this.#connection
    this.#connection = undefined
    if (connection !== undefined) this.#farewell = connection.close()
    this.#lastError = reason
    if (error !== undefined) this.#logger.debug({ err: error }, 'could not open the connection')
    const mayRetry = this.#mayRetry()
    if (this.#apply(mayRetry ? 'lost' : 'given_up', reason) && mayRetry) this.#retryLater()
  }

  /** A process that keeps failing is given up; an endpoint that is away may be back any time. */
  #mayRetry(): boolean {
    const { lifecycle, transport } = this.#definition
    const isWithinBudget = this.#budget.spend(lifecycle.maxRestarts)
    return lifecycle.restartOnFailure && (isWithinBudget || transport !== 'stdio')
  }

  #retryLater(): void {
    const { clock, random } = this.#context
    const delayMs = backoffMs(this.#budget.failures, random)
    this.#retryAt = clock.monotonic() + delayMs
    this.#cancelRetry = clock.after(delayMs, () => {
      if (this.#apply('retry')) this.#launch()
    })
  }

  /** Asks again what the server offers. A server that cannot say is as good as lost. */
  async #rediscover(): Promise<void> {
    const connection = this.connection
    if (connection === undefined) return
    const { signal } = this.#life
    try {
      const timeoutMs = Math.min(this.#context.connectTimeoutMs, MAX_DISCOVERY_MS)
      const offer = await discover(connection, { timeoutMs, signal })
      if (!signal.aborted) this.#offer(offer)
    } catch (error) {
      const isGone = error instanceof GatewayError && error.code !== 'upstream_error'
      if (isGone) this.#lost(signal, `it no longer says what it offers: ${error.message}`, error)
      else if (!signal.aborted)
        this.#logger.warn({ err: error }, 'could not ask again what the server offers')
    }
  }

  /** Applies an event; says whether it changed anything. */
  #apply(event: InstanceEvent, reason?: string): boolean {
    const from = this.#state
    const to = transition(from, event)
    if (from === to) return false
    this.#state = to
    const isBad = to === 'backing_off' || to === 'failed'
    this.#logger[isBad ? 'warn' : 'info'](
      { from, to, ...(reason !== undefined && { reason }) },
      `instance is ${to}`,
    )
    this.#events.onState(to, reason)
    return true
  }
}
