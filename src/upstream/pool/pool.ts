import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Connection } from '../connection/connection.ts'
import { isNeverSent, isSessionLost } from '../connection/upstream-error.ts'
import { type BreakerState, CircuitBreaker } from '../health/circuit-breaker.ts'
import { isAnswer } from '../health/health-probe.ts'
import { verdictOf } from '../health/verdict.ts'
import type { InstanceContext, InstanceStatus, Introduction } from '../instance/instance-context.ts'
import type { ClientSide } from '../messages/client-side.ts'
import { Admission } from './admission/admission.ts'
import { NOBODY, type Permit, type RunOptions, type Wanted } from './admission/call-queue.ts'
import type { ConcurrencyLimit } from './admission/concurrency-limit.ts'
import { withDeadline } from './admission/deadline.ts'
import { Members, type PoolEvents } from './members/members.ts'
import { ResourceWatches } from './members/resource-watches.ts'
import type { OnResourceUpdated } from './members/untold-updates.ts'

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

/** Uses a connection for which the call has a permit. */
export type Use<T> = (connection: Connection, instanceId: string) => Promise<T>

/** An attempt that was begun with a permit of the pool, by `admit`. */
export interface Begun {
  readonly permit: Permit
  /** In monotonic milliseconds. */
  readonly startedAt: number
}

/** The instances of one server that one set of callers shares. */
export class Pool {
  /** The client that the pool was made for. */
  readonly client: ClientSide | undefined
  /** Outlives the pool if another pool takes it over. */
  readonly watches: ResourceWatches
  /** Opens when calls of the pool fail; every call must go through it. */
  readonly breaker: CircuitBreaker
  readonly #server: string
  readonly #clock: Clock
  readonly #members: Members
  readonly #admission: Admission

  constructor(options: PoolOptions) {
    const { definition, context, client, limit, nextId, isSolo = false, events } = options
    const { clock, random, onBreaker, onBusy } = context
    const { name: server, tenantId: tenant, circuitBreaker: settings } = definition
    const logger = context.logger.child({ server, tenant })
    this.client = client
    this.#server = server
    this.#clock = clock
    const watches = options.watches ?? new ResourceWatches({ server, clock, random, logger })
    this.watches = watches
    const onTransition = (state: BreakerState, reason: string): void => {
      logger[state === 'open' ? 'warn' : 'info'](
        { breaker: state, reason },
        `circuit breaker is ${state.replace('_', '-')}`,
      )
      onBreaker?.(server, state)
    }
    this.breaker = new CircuitBreaker({ server, settings, clock, onTransition })
    const members = new Members({ definition, context, client, isSolo, nextId, logger, watches, events })
    this.#members = members
    this.#admission = new Admission({ definition, members, limit, clock, random, onBusy })
  }

  get instances(): InstanceStatus[] {
    return this.#members.statuses
  }

  /** Number of calls that wait for a permit. */
  get waiting(): number {
    return this.#members.load.waiting
  }

  /** What the server declared on the present connection, or on the last one. */
  get introduction(): Introduction | undefined {
    return this.#members.leader.introduction
  }

  /** Whether it has stopped permanently; calls that waited for it can continue with its replacement. */
  get isStopped(): boolean {
    return this.#members.isStopped
  }

  /** Whether calls are in flight or waiting, or resources watched. */
  get isInUse(): boolean {
    return this.#members.isInUse
  }

  /** In monotonic milliseconds. */
  get lastUse(): number {
    return this.#members.load.lastUse
  }

  start(): void {
    this.#members.start()
  }

  /**
   * Applies a definition without closing connections that it does not affect: instances are added and removed one by
   * one.
   */
  update(definition: ServerDefinition): void {
    this.breaker.update(definition.circuitBreaker)
    this.#admission.update(definition)
    this.#members.update(definition)
  }

  /**
   * Runs `use` with the connection of a ready instance for which the call has a permit; the call may wait for one. The
   * first call starts the pool and waits for it; later calls fail at once while no instance is available. If an
   * instance has certainly executed nothing, because it cannot be reached or has forgotten the session, `use` runs once
   * more with another connection.
   * @param begun of a use that has begun: `use` returns its outcome the first time
   * @throws GatewayError `upstream_unavailable`, `upstream_busy` without having called `use`, `cancelled`, or what
   * `use` throws
   */
  run<T>(use: Use<T>, wanted: Wanted, begun?: Begun): Promise<T> {
    return wanted.isLongWait === true ? this.#waitLong(use, wanted) : this.#run(use, wanted, begun)
  }

  /** A permit, if one is free; the caller must return it, by `succeeded`, `release` or `run`. */
  admit(wanted: Wanted): Permit | undefined {
    return this.#admission.admit(wanted)
  }

  /** Returns a permit that was not used. */
  release(permit: Permit, wanted: Wanted): void {
    this.#admission.release(permit, wanted)
  }

  /** Returns the permit of a use that has succeeded. */
  succeeded(permit: Permit, wanted: Wanted, startedAt: number): void {
    const now = this.#clock.monotonic()
    const { member, connection } = permit
    this.#members.load.usedAt(now)
    member.answered(now, now - startedAt)
    this.#admission.release(permit, wanted)
    if (wanted.isForLeader !== true && connection === member.connection) member.ejection.note('alive')
  }

  /**
   * Subscribes to a resource until the returned function, which is idempotent, is called. The subscription survives
   * reconnects; after each one `onUpdated` is called with `{ uri }`, because an update may have been missed.
   * @throws GatewayError `upstream_unavailable`, `upstream_timeout`, `cancelled`, or what the server answers
   */
  async watchResource(uri: string, onUpdated: OnResourceUpdated, options: RunOptions): Promise<() => void> {
    const remove = this.watches.add(uri, onUpdated, options.owner ?? NOBODY)
    const release = (): void => {
      this.#members.load.usedAt(this.#clock.monotonic())
      remove()
    }
    if (this.watches.isAccepted(uri)) return release
    try {
      const subscribe = (connection: Connection): Promise<void> => this.watches.subscribe(connection, uri)
      await this.#inTime(this.run(subscribe, { ...options, isForLeader: true }), options)
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  /** The server may offer something else than it did: asks it, if it is connected. */
  relist(): void {
    this.#members.leader.relist()
  }

  /** A client has connected that the server may offer more than others. */
  clientSeen(): void {
    this.#members.leader.clientSeen()
  }

  /** Forwards a notification of the pool's client, if the capability for it was declared to the server. */
  notify(method: string, params: JsonObject | undefined): void {
    if (this.client === undefined || !isDeclared(method, this.client)) return
    for (const { connection } of this.#members.present) connection?.notify(method, params)
  }

  /**
   * Lets calls in flight finish within the drain timeout, unless `atOnce` is set, then stops the instances permanently.
   */
  async stop(reason: string, options: { atOnce?: boolean } = {}): Promise<void> {
    this.breaker.close()
    await this.#members.stop(reason, options)
  }

  async #waitLong<T>(use: Use<T>, wanted: Wanted): Promise<T> {
    const end = this.#admission.beginLongWait(wanted)
    try {
      return await this.#run(use, wanted)
    } finally {
      end()
    }
  }

  async #run<T>(use: Use<T>, wanted: Wanted, begun?: Begun): Promise<T> {
    const permit = begun?.permit ?? this.admit(wanted) ?? (await this.#admission.wait(wanted))
    const startedAt = begun?.startedAt ?? this.#clock.monotonic()
    let result: T
    try {
      result = await use(permit.connection, permit.member.instance.id)
    } catch (error) {
      this.#failed(permit, wanted, { startedAt, error })
      if (!this.#mayRunAgain(permit, wanted, error)) throw error
      return this.#run(use, { ...wanted, except: permit.connection })
    }
    this.succeeded(permit, wanted, startedAt)
    return result
  }

  #failed(permit: Permit, wanted: Wanted, { startedAt, error }: { startedAt: number; error: unknown }): void {
    const now = this.#clock.monotonic()
    const { member, connection } = permit
    this.#members.load.usedAt(now)
    if (isAnswer(error)) member.answered(now, now - startedAt)
    this.#admission.release(permit, wanted)
    if (wanted.isForLeader !== true && connection === member.connection)
      member.ejection.note(verdictOf(error, !isSessionLost(error)))
  }

  /** Whether nothing was executed, and another connection is available or expected, for a second and last attempt. */
  #mayRunAgain({ member, connection }: Permit, { except }: Wanted, error: unknown): boolean {
    const isLost = isSessionLost(error)
    const isReopened = isLost && member.instance.reopen(connection)
    if (except !== undefined || !(isLost || isNeverSent(error))) return false
    return isReopened || this.#members.eligible.some((other) => other.connection !== connection)
  }

  #inTime<T>(work: Promise<T>, options: RunOptions): Promise<T> {
    const server = this.#server
    return withDeadline(work, options, {
      clock: this.#clock,
      cancelled: () =>
        new GatewayError('cancelled', undefined, { facts: { server, mayHaveExecuted: false } }),
      late: () =>
        new GatewayError('upstream_timeout', `Server ${server} did not respond in time`, {
          facts: { server, mayHaveExecuted: true },
        }),
    })
  }
}

function isDeclared(method: string, { capabilities }: ClientSide): boolean {
  return method !== 'notifications/roots/list_changed' || isJsonObject(capabilities['roots'])
}
