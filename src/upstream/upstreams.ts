import type { Clock } from '../domain/clock.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/documents/server-definition.ts'
import { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { BreakerState } from './health/circuit-breaker.ts'
import type { ClientSide } from './messages/client-side.ts'
import type { Connect, Era } from './connection/connection.ts'
import { serverUnavailable } from './connection/upstream-error.ts'
import type { Offer } from './discovery/discovery.ts'
import type { InstanceContext } from './instance/instance-context.ts'
import { hasAccounts, isolationKeyOf } from './isolation-key.ts'
import type { Pool } from './pool/pool.ts'
import { ServerPools, type ServerStatus } from './pool/server-pools.ts'
import { ProbeTurns } from './health/probe-turns.ts'
import { Slots } from './instance/slots.ts'
import { StartSlots } from './instance/start-slots.ts'
import { startTimeoutMs } from './instance/start-timeout.ts'

const NOTHING: JsonObject = {}

/** What the pools of all servers share, and who hears of their states and offers. */
export interface UpstreamsOptions {
  readonly connect: Connect
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  readonly logger: Logger
  /** How many programs may start, and how many endpoints be connected, at the same time; 8 by default. */
  readonly startConcurrency?: number
  /**
   * How many callers may have private connections to one server; 100 by default. Each tenant may have a quarter of
   * those of a server for all tenants.
   */
  readonly maxOwnPools?: number
  readonly connectTimeoutMs: number
  readonly drainTimeoutMs: number
  /** The same for a server that is halted; by default as long. */
  readonly haltTimeoutMs?: number
  readonly outbound?: Outbound
  /** A server reported its offer: after each start, and after each rediscovery. */
  readonly onOffer: (key: ServerKey, offer: Offer) => void
  readonly onState: (key: ServerKey, status: ServerStatus) => void
  /** The state of a circuit breaker of the server of that name changed. */
  readonly onBreaker?: (server: string, state: BreakerState) => void
  /** A call to the server of that name was refused because too many calls are in flight or waiting. */
  readonly onBusy?: (server: string) => void
}

/** All servers that the gateway connects to, each with its pools. */
export class Upstreams {
  readonly #options: UpstreamsOptions
  readonly #context: InstanceContext
  readonly #servers = new Map<ServerKey, ServerPools>()
  /** Servers that must not run at present, with the reasons. */
  readonly #halted = new Map<ServerKey, string>()
  /** Pools that are stopping. */
  readonly #leaving = new Map<Pool, Promise<void>>()
  #lastInstance = 0
  #isClosed = false

  constructor(options: UpstreamsOptions) {
    const { connect, clock, random, logger, connectTimeoutMs, drainTimeoutMs, startConcurrency = 8 } = options
    this.#options = options
    this.#context = {
      connect,
      clock,
      random,
      logger,
      startSlots: new StartSlots({ count: startConcurrency, clock }),
      lookSlots: new Slots({ count: Math.ceil(startConcurrency / 2) }),
      probeTurns: new ProbeTurns({ clock }),
      connectTimeoutMs,
      drainTimeoutMs,
      outbound: options.outbound ?? new Outbound(),
      onBreaker: options.onBreaker,
      onBusy: options.onBusy,
    }
  }

  /** Adds a server, and starts it unless it is disabled or starts on its first use. */
  start(definition: ServerDefinition): void {
    this.replace(definition)
  }

  /**
   * Restarts a server with other connection settings. Calls in flight finish on the old connection; resource
   * subscriptions continue over the new one.
   */
  replace(definition: ServerDefinition, reason = 'its definition changed'): void {
    const { enabled, lifecycle } = definition
    const isHalted = this.#halted.has(serverKey(definition))
    this.#renew(definition, reason, enabled && lifecycle.autoStart && !isHalted)
  }

  /** Closes the connections of a server, and opens none until `resume` or `restart`, or until it is enabled again. */
  halt(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined || this.#halted.has(key)) return
    this.#halted.set(key, reason)
    this.#renew(server.definition, reason, false)
    server.endWithin(this.#options.haltTimeoutMs ?? this.#context.drainTimeoutMs, reason)
  }

  /** Starts a server that was halted, has failed, or waits for its first use; any other is not changed. */
  resume(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined || !server.definition.enabled) return
    const isHalted = this.#halted.delete(key)
    if (isHalted || server.state === 'failed') this.#renew(server.definition, reason, true)
    else if (server.state === 'stopped') server.start()
  }

  /** Restarts a server, halted or not. Calls in flight finish on the old connections. */
  restart(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined || !server.definition.enabled) return
    this.#halted.delete(key)
    this.#renew(server.definition, reason, true)
  }

  /** Reopens the connections of a server with the same settings. Calls in flight finish on the old ones. */
  reconnect(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server !== undefined) this.replace(server.definition, reason)
  }

  /** Whether a server could not be connected, or lost its connection. */
  isDown(key: ServerKey): boolean {
    const state = this.#servers.get(key)?.state
    return state === 'backing_off' || state === 'failed'
  }

  /** Timeout for opening a server, in milliseconds; undefined if there is no such server. */
  startTimeoutOf(key: ServerKey): number | undefined {
    const server = this.#servers.get(key)
    return server && startTimeoutMs(server.definition, this.#context.connectTimeoutMs)
  }

  /** The era of a server's last connection; undefined if it was never connected. */
  eraOf(key: ServerKey): Era | undefined {
    return this.#servers.get(key)?.introduction?.era
  }

  /** The capabilities that a server declared at its last connection; none if it was never connected. */
  capabilitiesOf(key: ServerKey): JsonObject {
    return this.#servers.get(key)?.introduction?.capabilities ?? NOTHING
  }

  /**
   * Applies a definition without closing connections that it does not affect: endpoints and processes are added and
   * removed one by one.
   */
  update(definition: ServerDefinition): void {
    const server = this.#servers.get(serverKey(definition))
    if (server === undefined || server.definition.enabled !== definition.enabled) this.replace(definition)
    else server.update(definition)
  }

  /** Removes a server. Resolves when its calls in flight have finished and its connections are closed. */
  async stop(key: ServerKey): Promise<void> {
    const server = this.#servers.get(key)
    this.#servers.delete(key)
    this.#halted.delete(key)
    await this.#dismiss(server, 'it was removed')
  }

  /**
   * The pool of the callers of one isolation key; `''` is the pool that all other callers share.
   * @param client the one client that the key stands for: the pool's connections declare its capabilities, and it gets
   * the messages and requests of the server. It is fixed when the pool is made.
   * @param owner the one caller that the key stands for
   * @throws GatewayError `upstream_unavailable` if the server is unknown or disabled, or too many callers have private
   * connections to it
   */
  poolFor(definition: ServerDefinition, isolationKey: string, client?: ClientSide, owner?: Principal): Pool {
    const server = this.#servers.get(serverKey(definition))
    if (server === undefined || !server.definition.enabled || this.#halted.has(server.key))
      throw serverUnavailable(definition.name)
    return server.find(isolationKey) ?? server.isolated.create(isolationKey, { client, owner })
  }

  /** Closes the pools of an isolation key that will not be used again. */
  release(isolationKey: string): void {
    for (const { isolated } of this.#servers.values())
      isolated.dismissSession(isolationKey, 'its callers have disconnected')
  }

  /** Closes the connections of a server with an account that has changed: that of the callers who `isOwn` says. */
  accountChanged(key: ServerKey, isOwn: (owner: Principal) => boolean, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined) return
    if (hasAccounts(server.definition)) server.isolated.dismissAccounts(isOwn, reason)
    else this.reconnect(key, reason)
  }

  /** Forwards a notification of the client that an isolation key stands for to all servers that it is connected to. */
  tell(isolationKey: string, method: string, params: JsonObject | undefined): void {
    for (const { isolated } of this.#servers.values()) isolated.notify(isolationKey, method, params)
  }

  status(key: ServerKey): ServerStatus | undefined {
    return this.#servers.get(key)?.status
  }

  /** A server may offer something else than it did: asks it, if it is connected. */
  relist(key: ServerKey): void {
    this.#servers.get(key)?.primary.relist()
  }

  /** A client has connected that a server may offer more than others: finds out, if it is not known. */
  look(key: ServerKey): void {
    this.#servers.get(key)?.primary.clientSeen()
  }

  /** State of the circuit breaker between a caller and a server; undefined if the server has none. */
  breakerOf(server: ServerDefinition, principal: Principal): BreakerState | undefined {
    const key = isolationKeyOf(server, { principal, sessionId: undefined })
    return this.#servers.get(serverKey(server))?.breakerOf(key)
  }

  /** The states of the circuit breakers of all pools, with the names of their servers. */
  breakers(): [server: string, state: BreakerState][] {
    return [...this.#servers.values()].flatMap(({ definition, pools }) =>
      pools.flatMap(({ breaker: { state } }) =>
        state === undefined ? [] : [[definition.name, state] as [string, BreakerState]],
      ),
    )
  }

  statuses(): ReadonlyMap<ServerKey, ServerStatus> {
    return new Map([...this.#servers].map(([key, server]) => [key, server.status]))
  }

  /** Starts a server that waits for its first use. */
  wake(key: ServerKey): void {
    const server = this.#servers.get(key)
    if (server?.state === 'stopped' && server.definition.enabled && !this.#halted.has(key)) server.start()
  }

  /** Removes all servers at once: calls in flight fail. Resolves when every process has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const pools = [...this.#servers.values()].flatMap((server) => server.pools)
    this.#servers.clear()
    for (const pool of new Set([...pools, ...this.#leaving.keys()]))
      void this.#dismissPool(pool, 'the gateway is stopping', true)
    await Promise.all(this.#leaving.values())
  }

  #renew(definition: ServerDefinition, reason: string, isToStart: boolean): void {
    if (this.#isClosed) return
    const key = serverKey(definition)
    const previous = this.#servers.get(key)
    const server = this.#create(definition, previous)
    this.#servers.set(key, server)
    void this.#dismiss(previous, reason)
    if (isToStart) server.start()
    else this.#options.onState(key, server.status)
  }

  #create(definition: ServerDefinition, previous: ServerPools | undefined): ServerPools {
    const key = serverKey(definition)
    const { maxOwnPools = 100, onState, onOffer } = this.#options
    const isPresent = (): boolean => this.#servers.get(key) === server
    const server: ServerPools = new ServerPools({
      definition,
      context: this.#context,
      maxOwnPools,
      nextId: (name) => this.#nextId(name),
      onState: () => {
        if (isPresent()) onState(key, server.status)
      },
      onOffer: (offer) => {
        if (isPresent()) onOffer(key, offer)
      },
      onDismissed: (pool, reason) => void this.#dismissPool(pool, reason),
      previous,
      halted: this.#halted.get(key),
    })
    return server
  }

  #nextId(name: string): string {
    this.#lastInstance += 1
    return `${name}-${this.#lastInstance}`
  }

  async #dismiss(server: ServerPools | undefined, reason: string): Promise<void> {
    await Promise.all(server?.pools.map((pool) => this.#dismissPool(pool, reason)) ?? [])
  }

  #dismissPool(pool: Pool, reason: string, atOnce = false): Promise<void> {
    const leaving = pool.stop(reason, { atOnce }).finally(() => this.#leaving.delete(pool))
    this.#leaving.set(pool, leaving)
    return leaving
  }
}
