import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { ServerDefinition } from '../domain/server-definition.ts'
import type { ClientSide } from './connection/client-side.ts'
import type { Connection } from './connection/connection.ts'
import { isSessionLost } from './connection/upstream-error.ts'
import type { Offer } from './discovery.ts'
import { Instance } from './instance.ts'
import type { InstanceContext, InstanceStatus, Introduction } from './instance-context.ts'
import type { InstanceState } from './instance-state.ts'
import { patiently, type RunOptions } from './patience.ts'
import { type OnResourceUpdated, ResourceWatches } from './resource-watches.ts'

export type { RunOptions } from './patience.ts'

export interface PoolEvents {
  readonly onState?: (state: InstanceState, reason: string | undefined) => void
  /** Absent where nobody needs to know what the server offers to this pool. */
  readonly onOffer?: (offer: Offer) => void
  /** The pool has not been in use for the server's `pool.idleMs`. Absent: it may idle for ever. */
  readonly onIdle?: () => void
}

export interface PoolOptions {
  readonly id: string
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  readonly events: PoolEvents
  /** The one client that its connections are for. Absent: callers share them, and no capabilities are declared. */
  readonly client?: ClientSide | undefined
  /** Taken over from the pool that this one replaces. */
  readonly watches?: ResourceWatches | undefined
}

type Use<T> = (connection: Connection, instanceId: string) => Promise<T>
type Waiter = { readonly resolve: () => void; readonly reject: (error: unknown) => void }

/** The instances of one server that one set of callers shares: at present a single one. */
export class Pool {
  /** The client that the pool was made for. */
  readonly client: ClientSide | undefined
  /** They outlive the pool where another one takes them over. */
  readonly watches: ResourceWatches
  readonly #context: InstanceContext
  readonly #events: PoolEvents
  readonly #instance: Instance
  readonly #waiters = new Set<Waiter>()
  #definition: ServerDefinition
  #lastUse: number
  /** The connection that watches go over. */
  #watched: Connection | undefined
  #cancelIdle: (() => void) | undefined
  #isStopped = false

  constructor(options: PoolOptions) {
    const { id, definition, context, events, client } = options
    const { clock, random, logger } = context
    const server = definition.name
    this.client = client
    this.watches =
      options.watches ??
      new ResourceWatches({
        server,
        clock,
        random,
        logger: logger.child({ server, tenant: definition.tenantId }),
      })
    this.#context = context
    this.#events = events
    this.#definition = definition
    this.#lastUse = clock.monotonic()
    this.#instance = new Instance({
      id,
      definition,
      context,
      client,
      events: {
        onState: (state, reason) => this.#onState(state, reason),
        onOffer: events.onOffer,
        onResourceUpdated: (params) => this.watches.updated(params),
      },
    })
    if (events.onIdle !== undefined) this.#watchIdle(definition.pool.idleMs)
  }

  get instances(): InstanceStatus[] {
    return [this.#instance.status]
  }

  /** What the server said at the present connection, or the last one. */
  get introduction(): Introduction | undefined {
    return this.#instance.introduction
  }

  /** Whether calls are in flight or resources watched. */
  get isInUse(): boolean {
    return this.#instance.inFlight > 0 || this.#waiters.size > 0 || this.watches.isWatching
  }

  /** On the monotonic clock. */
  get lastUse(): number {
    return this.#lastUse
  }

  start(): void {
    this.#instance.start()
  }

  /** Takes over fields that do not concern the connection. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#instance.update(definition)
  }

  /**
   * Runs `use` with the connection of an instance that is ready. Starts a pool that never was, and waits for its
   * first start; while it is down it fails at once. Where the server has forgotten the session, and so has executed
   * nothing, `use` runs once more, with a new connection.
   * @throws GatewayError `upstream_unavailable` without having called `use`, `cancelled`, or what `use` throws
   */
  async run<T>(use: Use<T>, options: RunOptions): Promise<T> {
    const connection = this.#instance.connection ?? (await this.#nextConnection(options))
    try {
      return await this.#runOver(connection, use)
    } catch (error) {
      if (!this.#reopensAfter(error, connection)) throw error
    }
    const other = this.#instance.connection ?? (await this.#nextConnection(options))
    try {
      return await this.#runOver(other, use)
    } catch (error) {
      this.#reopensAfter(error, other)
      throw error
    }
  }

  /**
   * Watches a resource until the returned function, which is idempotent, is called. It goes on over reconnects;
   * after each one `onUpdated` is called with `{ uri }`, for something may have been missed.
   * @throws GatewayError `upstream_unavailable`, `upstream_timeout`, `cancelled`, or what the server answers
   */
  async watchResource(uri: string, onUpdated: OnResourceUpdated, options: RunOptions): Promise<() => void> {
    const remove = this.watches.add(uri, onUpdated)
    const release = (): void => {
      this.#lastUse = this.#context.clock.monotonic()
      remove()
    }
    if (this.watches.isAgreed(uri)) return release
    try {
      const agreed = this.run((connection) => this.watches.agree(connection, uri), options)
      await this.#patiently(agreed, options, 'upstream_timeout')
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  /** Passes on a notification of the client that the pool is for, if the server was told that it may come. */
  tell(method: string, params: JsonObject | undefined): void {
    if (this.client === undefined || !isDeclared(method, this.client)) return
    this.#instance.connection?.notify(method, params)
  }

  /** Lets calls in flight finish within the drain time, unless it is to be `atOnce`, then ends the instances. For good. */
  async stop(reason: string, options: { atOnce?: boolean } = {}): Promise<void> {
    this.#isStopped = true
    this.#cancelIdle?.()
    await this.#instance.stop(reason, options)
  }

  async #runOver<T>(connection: Connection, use: Use<T>): Promise<T> {
    const instance = this.#instance
    instance.enter()
    try {
      return await use(connection, instance.id)
    } finally {
      this.#lastUse = this.#context.clock.monotonic()
      instance.leave()
    }
  }

  /** Whether nothing was executed because the session was gone, and there is, or is about to be, a new one. */
  #reopensAfter(error: unknown, connection: Connection): boolean {
    return isSessionLost(error) && this.#instance.reopen(connection)
  }

  async #nextConnection(options: RunOptions): Promise<Connection> {
    if (this.#isStopped) throw this.#unavailable()
    if (this.#instance.state === 'stopped') this.#instance.start()
    if (this.#instance.isExpected) await this.#opened(options)
    const { connection } = this.#instance
    if (connection === undefined) throw this.#unavailable()
    return connection
  }

  async #opened(options: RunOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { resolve, reject }
    this.#waiters.add(waiter)
    try {
      await this.#patiently(promise, options, 'upstream_unavailable')
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  #patiently<T>(
    work: Promise<T>,
    options: RunOptions,
    late: 'upstream_unavailable' | 'upstream_timeout',
  ): Promise<T> {
    const { name } = this.#definition
    return patiently(work, options, {
      clock: this.#context.clock,
      cancelled: () => new GatewayError('cancelled', undefined, { facts: this.#facts() }),
      late: () =>
        late === 'upstream_unavailable'
          ? this.#unavailable()
          : new GatewayError(late, `Server ${name} did not answer in time`, {
              facts: { server: name, mayHaveExecuted: true },
            }),
    })
  }

  #onState(state: InstanceState, reason: string | undefined): void {
    this.#moveWatches()
    if (state !== 'starting') {
      for (const waiter of this.#waiters) {
        if (state === 'ready') waiter.resolve()
        else waiter.reject(this.#unavailable())
      }
    }
    this.#events.onState?.(state, reason)
  }

  #moveWatches(): void {
    const { connection } = this.#instance
    if (this.#watched !== undefined) this.watches.closed(this.#watched)
    if (connection !== undefined) this.watches.opened(connection)
    this.#watched = connection
  }

  #unavailable(): GatewayError {
    const retryAfterMs = this.#instance.retryAfterMs
    return new GatewayError('upstream_unavailable', `Server ${this.#definition.name} is not available`, {
      facts: { ...this.#facts(), ...(retryAfterMs !== undefined && { retryAfterMs }) },
    })
  }

  #facts(): { server: string; mayHaveExecuted: false } {
    return { server: this.#definition.name, mayHaveExecuted: false }
  }

  /** One timer for the pool, not one per call: it looks when the last use was. */
  #watchIdle(delayMs: number): void {
    this.#cancelIdle = this.#context.clock.after(delayMs, () => {
      const { idleMs } = this.#definition.pool
      const remainingMs = this.#lastUse + idleMs - this.#context.clock.monotonic()
      if (this.isInUse) this.#watchIdle(idleMs)
      else if (remainingMs > 0) this.#watchIdle(remainingMs)
      else this.#events.onIdle?.()
    })
  }
}

function isDeclared(method: string, { capabilities }: ClientSide): boolean {
  return method !== 'notifications/roots/list_changed' || isJsonObject(capabilities['roots'])
}
