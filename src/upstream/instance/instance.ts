import { messageOf } from '../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { backoffMs } from '../../domain/backoff.ts'
import { CallsInFlight } from './calls-in-flight.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Connection } from '../connection/connection.ts'
import { isShortage } from '../stdio/spawn-failure.ts'
import { isSessionLost } from '../connection/upstream-error.ts'
import { discoverFirst, type Offer } from '../discovery/discovery.ts'
import { Farewells } from './farewells.ts'
import type { InstanceContext, InstanceEvents, InstanceStatus, Introduction } from './instance-context.ts'
import { type InstanceEvent, type InstanceState, transition } from './instance-state.ts'
import { RestartBudget } from '../health/restart-budget.ts'
import { startTimeoutMs } from './start-timeout.ts'
import { StateLog } from './state-log.ts'

/** A server that loses sessions faster than this counts as failing. */
const SESSION_MS = 10_000
const SESSION_ENDED = 'its session has ended'

/** How a connection was lost. */
interface Loss {
  /** Whether the server has lost the session; it is available and has executed nothing. */
  readonly isSessionOver?: boolean
  readonly error?: unknown
}

/** One supervised connection: opened, discovered, monitored, and reopened with backoff when it is lost. */
export class Instance {
  readonly id: string
  /** Its calls in flight, which may finish while it drains. */
  readonly calls = new CallsInFlight()
  readonly #context: InstanceContext
  readonly #events: InstanceEvents
  readonly #logger: Logger
  readonly #log: StateLog
  readonly #budget: RestartBudget
  readonly #client: ClientSide | undefined
  /** Aborts when it stops permanently. */
  readonly #end = new AbortController()
  readonly #farewells: Farewells
  #definition: ServerDefinition
  #state: InstanceState = 'stopped'
  #connection: Connection | undefined
  #introduction: Introduction | undefined
  /** Aborts when the present connection or opening ends. */
  #life = new AbortController()
  #cancelRetry: (() => void) | undefined
  #retryAt = 0
  #starts = 0
  #lastError: string | undefined
  #reopenedAt = Number.NEGATIVE_INFINITY
  #isReopening = false
  /** Whether the previous start failed. */
  #isRetry = false
  /** The present opening, if there is one; it never rejects. */
  #opening: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined

  constructor(options: {
    id: string
    definition: ServerDefinition
    context: InstanceContext
    events: InstanceEvents
    /** The client that its connections are opened for. */
    client: ClientSide | undefined
  }) {
    const { id, definition, context, events } = options
    this.id = id
    this.#client = options.client
    this.#definition = definition
    this.#context = context
    this.#events = events
    this.#logger = context.logger.child({
      server: definition.name,
      tenant: definition.tenantId,
      instance: id,
    })
    this.#log = new StateLog({ logger: this.#logger })
    this.#farewells = new Farewells({ clock: context.clock, hurry: this.#end.signal })
    this.#budget = new RestartBudget({ clock: context.clock })
  }

  get definition(): ServerDefinition {
    return this.#definition
  }

  get state(): InstanceState {
    return this.#state
  }

  /** The open connection of a ready instance. */
  get connection(): Connection | undefined {
    return this.#state === 'ready' ? this.#connection : undefined
  }

  /** Aborts when the present connection ends. */
  get life(): AbortSignal {
    return this.#life.signal
  }

  /** Whether a first connection is expected soon, or one after a loss without a fault. */
  get isExpected(): boolean {
    return this.#state === 'starting' && (this.#starts <= 1 || this.#isReopening)
  }

  /** What the server declared on the present connection, or the last one. */
  get introduction(): Introduction | undefined {
    return this.#introduction
  }

  /** Milliseconds until an instance that backs off starts again. */
  get retryAfterMs(): number | undefined {
    if (this.#state !== 'backing_off') return undefined
    return Math.max(0, Math.ceil(this.#retryAt - this.#context.clock.monotonic()))
  }

  get status(): Omit<InstanceStatus, 'url' | 'health' | 'latencyMs'> {
    const connection = this.#connection
    return {
      id: this.id,
      state: this.#state,
      inFlight: this.calls.count,
      ...(connection?.pid !== undefined && { pid: connection.pid }),
      ...(connection !== undefined && { era: connection.era, protocolVersion: connection.protocolVersion }),
      restarts: Math.max(0, this.#starts - 1),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    }
  }

  /** Applies the parts of a definition that do not affect the connection. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
  }

  start(): void {
    if (this.#stopping === undefined && this.#apply('start')) this.#launch()
  }

  /**
   * Reports that the server has lost the session of `connection`. It is reopened at once, unless the previous one was
   * lost in the same way a moment ago. Returns whether another connection is available or expected.
   */
  reopen(connection: Connection): boolean {
    if (connection === this.connection) this.#lost(this.#life.signal, SESSION_ENDED, { isSessionOver: true })
    return this.connection !== undefined || this.isExpected
  }

  /** Gives up the connection of a ready instance that does not work properly. */
  lose(reason: string, error?: unknown): void {
    if (this.#state !== 'ready') return
    if (isSessionLost(error)) this.#lost(this.#life.signal, SESSION_ENDED, { isSessionOver: true })
    else this.#lost(this.#life.signal, reason, { error })
  }

  /**
   * Lets calls in flight finish within the drain timeout, then closes the connection permanently.
   * @param options.atOnce does not wait for calls in flight, even if an earlier stop does
   */
  stop(reason: string, { atOnce = false }: { atOnce?: boolean } = {}): Promise<void> {
    if (atOnce) this.calls.hurry()
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: string): Promise<void> {
    this.#cancelRetry?.()
    this.#apply('stop', reason)
    const { clock, drainTimeoutMs } = this.#context
    if (this.#state === 'draining') await this.calls.drained(clock, drainTimeoutMs)
    this.#end.abort()
    this.#life.abort(new Error(reason))
    await this.#opening
    const connection = this.#connection
    this.#connection = undefined
    await Promise.all([connection?.close(), this.#farewells.all()])
    this.#apply('drained', reason)
  }

  #launch(): void {
    this.#starts += 1
    this.#life = new AbortController()
    const { signal } = this.#life
    const owner = { tenantId: this.#definition.tenantId, isRetry: this.#isRetry }
    const slots = this.#context.startSlots.of(this.#definition)
    const open = (): Promise<void> => slots.use(() => this.#open(signal), signal, owner)
    const { last } = this.#farewells
    const opening = last === undefined ? open() : last.then(open)
    this.#opening = opening.catch((error: unknown) => this.#lost(signal, messageOf(error), { error }))
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { connect } = this.#context
    const timeoutMs = startTimeoutMs(this.#definition, this.#context.connectTimeoutMs)
    const connection = await connect(
      this.#definition,
      {
        onLost: (reason, cause) => this.#lost(signal, reason, { isSessionOver: cause === 'session' }),
        onListChanged: this.#events.onListChanged,
        onResourceUpdated: this.#events.onResourceUpdated,
      },
      { timeoutMs, signal, ...(this.#client !== undefined && { client: this.#client }) },
    )
    try {
      // With a separate timeout: a server that opened slowly may still list its offer quickly.
      const offer = this.#events.needsOffer()
        ? await discoverFirst(connection, { timeoutMs, signal, clock: this.#context.clock })
        : undefined
      this.#opened(signal, connection, offer)
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  #opened(signal: AbortSignal, connection: Connection, offer: Offer | undefined): void {
    signal.throwIfAborted()
    const { era, capabilities } = connection
    this.#connection = connection
    this.#introduction = { era, capabilities }
    this.#lastError = undefined
    this.#isReopening = false
    this.#isRetry = false
    this.#budget.ready()
    if (offer !== undefined) this.#events.onOffer(offer)
    this.#apply('opened')
  }

  /**
   * Handles a failed opening or a lost connection. `signal` identifies late reports: the loss of a session is reported
   * by the calls that notice it and by the connection.
   */
  #lost(signal: AbortSignal, reason: string, { isSessionOver = false, error }: Loss = {}): void {
    if (signal.aborted) return
    this.#life.abort(new Error(reason))
    this.#isReopening = isSessionOver && this.#mayReopen()
    const connection = this.#connection
    this.#connection = undefined
    if (connection !== undefined) this.#farewells.dismiss(connection, { isSessionOver })
    this.#lastError = reason
    this.#isRetry = this.#state === 'starting'
    if (error !== undefined) this.#logger.debug({ err: error }, 'failed to open the connection')
    if (this.#isReopening && this.#apply('session_lost', reason)) {
      this.#launch()
      return
    }
    const mayRetry = this.#mayRetry(error)
    const delayMs = backoffMs(this.#budget.failures, this.#context.random)
    this.#retryAt = this.#context.clock.monotonic() + delayMs
    if (this.#apply(mayRetry ? 'lost' : 'given_up', reason) && mayRetry) this.#retryAfter(delayMs)
  }

  #mayReopen(): boolean {
    const now = this.#context.clock.monotonic()
    if (this.#state !== 'ready' || now - this.#reopenedAt < SESSION_MS) return false
    this.#reopenedAt = now
    return true
  }

  /**
   * Whether another start is allowed: a process that keeps failing is given up, but an endpoint may become available at
   * any time, and so may resources that the gateway's machine lacks.
   */
  #mayRetry(error: unknown): boolean {
    const { lifecycle, transport } = this.#definition
    const isWithinBudget = this.#budget.spend(lifecycle.maxRestarts)
    return lifecycle.restartOnFailure && (isWithinBudget || transport !== 'stdio' || isShortage(error))
  }

  #retryAfter(delayMs: number): void {
    this.#cancelRetry = this.#context.clock.after(delayMs, () => {
      if (this.#apply('retry')) this.#launch()
    })
  }

  /** Applies an event; returns whether it changed the state. */
  #apply(event: InstanceEvent, reason?: string): boolean {
    const from = this.#state
    const to = transition(from, event)
    if (from === to) return false
    this.#state = to
    this.#log.changed(from, to, reason)
    this.#events.onState(to, reason)
    return true
  }
}
