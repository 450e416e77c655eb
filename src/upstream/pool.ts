import { GatewayError } from '../domain/errors.ts'
import type { ServerDefinition } from '../domain/server-definition.ts'
import type { Connection } from './connection/connection.ts'
import type { Offer } from './discovery.ts'
import { Instance, type InstanceContext, type InstanceStatus } from './instance.ts'
import type { InstanceState } from './instance-state.ts'

export interface PoolEvents {
  readonly onState?: (state: InstanceState, reason: string | undefined) => void
  /** Absent where nobody needs to know what the server offers to this pool. */
  readonly onOffer?: (offer: Offer) => void
  /** The pool has had no call for the server's `pool.idleMs`. Absent: it may idle for ever. */
  readonly onIdle?: () => void
}

/** When a call is given up. */
export interface RunOptions {
  readonly signal: AbortSignal | undefined
  /** On the monotonic clock, in milliseconds. */
  readonly deadlineAt: number
}

type Waiter = { readonly resolve: () => void; readonly reject: (error: unknown) => void }

/** The instances of one server that one set of callers shares: at present a single one. */
export class Pool {
  readonly #context: InstanceContext
  readonly #events: PoolEvents
  readonly #instance: Instance
  readonly #waiters = new Set<Waiter>()
  #definition: ServerDefinition
  #lastUse: number
  #cancelIdle: (() => void) | undefined
  #isStopped = false

  constructor(options: {
    id: string
    definition: ServerDefinition
    context: InstanceContext
    events: PoolEvents
  }) {
    const { id, definition, context, events } = options
    this.#context = context
    this.#events = events
    this.#definition = definition
    this.#lastUse = context.clock.monotonic()
    this.#instance = new Instance({
      id,
      definition,
      context,
      events: { onState: (state, reason) => this.#onState(state, reason), onOffer: events.onOffer },
    })
    if (events.onIdle !== undefined) this.#watchIdle(definition.pool.idleMs)
  }

  get instances(): InstanceStatus[] {
    return [this.#instance.status]
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
   * first start; while it is down it fails at once.
   * @throws GatewayError `upstream_unavailable` without having called `use`, `cancelled`, or what `use` throws
   */
  async run<T>(
    use: (connection: Connection, instanceId: string) => Promise<T>,
    options: RunOptions,
  ): Promise<T> {
    const connection = this.#instance.connection ?? (await this.#firstConnection(options))
    const instance = this.#instance
    instance.enter()
    try {
      return await use(connection, instance.id)
    } finally {
      this.#lastUse = this.#context.clock.monotonic()
      instance.leave()
    }
  }

  /** Lets calls in flight finish within the drain time, unless it is to be `atOnce`, then ends the instances. For good. */
  async stop(reason: string, options: { atOnce?: boolean } = {}): Promise<void> {
    this.#isStopped = true
    this.#cancelIdle?.()
    await this.#instance.stop(reason, options)
  }

  async #firstConnection(options: RunOptions): Promise<Connection> {
    if (this.#isStopped) throw this.#unavailable()
    if (this.#instance.state === 'stopped') this.#instance.start()
    const isFirstStart = this.#instance.state === 'starting' && this.#instance.status.restarts === 0
    if (isFirstStart) await this.#started(options)
    const { connection } = this.#instance
    if (connection === undefined) throw this.#unavailable()
    return connection
  }

  async #started({ signal, deadlineAt }: RunOptions): Promise<void> {
    const { clock } = this.#context
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { resolve, reject }
    const abort = (): void => reject(new GatewayError('cancelled', undefined, { facts: this.#facts() }))
    const cancelDeadline = clock.after(Math.max(0, deadlineAt - clock.monotonic()), () =>
      reject(this.#unavailable()),
    )
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
    this.#waiters.add(waiter)
    try {
      await promise
    } finally {
      this.#waiters.delete(waiter)
      cancelDeadline()
      signal?.removeEventListener('abort', abort)
    }
  }

  #onState(state: InstanceState, reason: string | undefined): void {
    if (state !== 'starting') {
      for (const waiter of this.#waiters) {
        if (state === 'ready') waiter.resolve()
        else waiter.reject(this.#unavailable())
      }
    }
    this.#events.onState?.(state, reason)
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

  /** One timer for the pool, not one per call: it looks when the last call was. */
  #watchIdle(delayMs: number): void {
    this.#cancelIdle = this.#context.clock.after(delayMs, () => {
      const { idleMs } = this.#definition.pool
      const remainingMs = this.#lastUse + idleMs - this.#context.clock.monotonic()
      if (this.#instance.inFlight > 0 || this.#waiters.size > 0) this.#watchIdle(idleMs)
      else if (remainingMs > 0) this.#watchIdle(remainingMs)
      else this.#events.onIdle?.()
    })
  }
}
