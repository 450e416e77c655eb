import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/documents/server-definition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { BreakerState } from './health/circuit-breaker.ts'
import type { ClientSide } from './messages/client-side.ts'
import type { Connect, Era } from './connection/connection.ts'
import type { Offer } from './discovery/discovery.ts'
import type { InstanceContext } from './instance/instance-context.ts'
import type { Pool } from './pool/pool.ts'
import { ServerPools, type ServerStatus } from './pool/server-pools.ts'
import { ProbeTurns } from './health/probe-turns.ts'
import { Slots } from './instance/slots.ts'
import { startTimeoutMs } from './instance/start-timeout.ts'

const NOTHING: JsonObject = {}
/** A program that has not started by then is not short of processor time: it waits, installs or hangs. */
const SLOW_PROGRAM_MS = 500
/** An endpoint that has not answered by then costs nothing but a connection. */
const SLOW_ENDPOINT_MS = 250

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
   * How many callers may have connections of their own to one server; 100 by default. Each tenant may have a quarter of
   * those of a server for all tenants.
   */
  readonly maxOwnPools?: number
  readonly connectTimeoutMs: number
  readonly drainTimeoutMs: number
  /** A server said what it offers: after each start, and whenever it was asked again. */
  readonly onOffer: (key: ServerKey, offer: Offer) => void
  readonly onState: (key: ServerKey, status: ServerStatus) => void
  /** The circuit of a pool of the server of that name changed. */
  readonly onBreaker?: (server: string, state: BreakerState) => void
  /** A call was refused because the server of that name had too many. */
  readonly onBusy?: (server: string) => void
}

/** All servers that the gateway is connected to, each with its pools. */
export class Upstreams {
  readonly #options: UpstreamsOptions
  readonly #context: InstanceContext
  readonly #servers = new Map<ServerKey, ServerPools>()
  /** Servers that are not to run for now, and why. */
  readonly #halted = new Map<ServerKey, string>()
  /** Pools that are on their way out. */
  readonly #leaving = new Map<Pool, Promise<void>>()
  #lastInstance = 0
  #isClosed = false

  constructor(options: UpstreamsOptions) {
    const { connect, clock, random, logger, connectTimeoutMs, drainTimeoutMs, startConcurrency = 8 } = options
    const { onBreaker, onBusy } = options
    this.#options = options
    const slotsFor = (slowMs: number): Slots =>
      new Slots({ count: startConcurrency, slow: { clock, afterMs: slowMs } })
    const [programs, endpoints] = [slotsFor(SLOW_PROGRAM_MS), slotsFor(SLOW_ENDPOINT_MS)]
    const lookSlots = new Slots({ count: Math.ceil(startConcurrency / 2) })
    this.#context = {
      connect,
      clock,
      random,
      logger,
      startSlots: ({ transport }) => (transport === 'stdio' ? programs : endpoints),
      lookSlots,
      probeTurns: new ProbeTurns({ clock }),
      connectTimeoutMs,
      drainTimeoutMs,
      onBreaker,
      onBusy,
    }
  }

  /** Takes a server in, and starts it unless it is disabled or starts on first use only. */
  start(definition: ServerDefinition): void {
    this.replace(definition)
  }

  /**
   * Starts a server anew, with other connection settings. Calls in flight finish on the old connection; what is
   * watched goes on over the new one.
   */
  replace(definition: ServerDefinition, reason = 'its definition changed'): void {
    const { enabled, lifecycle } = definition
    const isHalted = this.#halted.has(serverKey(definition))
    this.#renew(definition, reason, enabled && lifecycle.autoStart && !isHalted)
  }

  /**
   * Ends the connections of a server, and opens none until `resume` or `restart`, or until it is disabled and enabled
   * again. Calls in flight finish.
   */
  halt(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined || this.#halted.has(key)) return
    this.#halted.set(key, reason)
    this.#renew(server.definition, reason, false)
  }

  /** Starts a server that was halted, has failed, or waits for its first use; any other goes on as it is. */
  resume(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined || !server.definition.enabled) return
    const isHalted = this.#halted.delete(key)
    if (isHalted || server.state === 'failed') this.#renew(server.definition, reason, true)
    else if (server.state === 'stopped') server.start()
  }

  /** Starts a server anew, halted or not. Calls in flight finish on the old connections. */
  restart(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server === undefined || !server.definition.enabled) return
    this.#halted.delete(key)
    this.#renew(server.definition, reason, true)
  }

  /** Opens the connections of a server anew, as it is. Calls in flight finish on the old ones. */
  reconnect(key: ServerKey, reason: string): void {
    const server = this.#servers.get(key)
    if (server !== undefined) this.replace(server.definition, reason)
  }

  /** Whether a server could not be connected, or lost its connection. */
  isDown(key: ServerKey): boolean {
    const state = this.#servers.get(key)?.state
    return state === 'backing_off' || state === 'failed'
  }

  /** How long a server may take to open, in milliseconds; undefined for one that is not there. */
  startTimeoutOf(key: ServerKey): number | undefined {
    const server = this.#servers.get(key)
    return server && startTimeoutMs(server.definition, this.#context.connectTimeoutMs)
  }

  /** The era that a server spoke when it was connected last; undefined for one that never was. */
  eraOf(key: ServerKey): Era | undefined {
    return this.#servers.get(key)?.introduction?.era
  }

  /** The capabilities that a server declared when it was connected last; none for one that never was. */
  capabilitiesOf(key: ServerKey): JsonObject {
    return this.#servers.get(key)?.introduction?.capabilities ?? NOTHING
  }

  /** Takes over what does not concern connections that stay: endpoints and processes come and go one by one. */
  update(definition: ServerDefinition): void {
    const server = this.#servers.get(serverKey(definition))
    if (server === undefined || server.definition.enabled !== definition.enabled) this.replace(definition)
    else server.update(definition)
  }

  /** Drops a server. Resolves when its calls in flight have finished and its connections are closed. */
  async stop(key: ServerKey): Promise<void> {
    const server = this.#servers.get(key)
    this.#servers.delete(key)
    this.#halted.delete(key)
    await this.#dismiss(server, 'it was removed')
  }

  /**
   * The pool that callers of one isolation key share; `''` is the pool that all others share.
   * @param client the one client that the key stands for: the pool's connections declare its capabilities, and what
   * the server says or asks over them goes to it. It is fixed when the pool is made.
   * @param owner the one caller that the key stands for
   * @throws GatewayError `upstream_unavailable` for a server that is not there or is disabled, and when too many
   * callers use connections of their own to it
   */
  poolFor(definition: ServerDefinition, isolationKey: string, client?: ClientSide, owner?: Principal): Pool {
    const server = this.#servers.get(serverKey(definition))
    if (server === undefined || !server.definition.enabled || this.#halted.has(server.key)) {
      throw new GatewayError('upstream_unavailable', `Server ${definition.name} is not available`, {
        facts: { server: definition.name, mayHaveExecuted: false },
      })
    }
    return server.pool(isolationKey, { client, owner })
  }

  /** Closes the pools of an isolation key that nobody will use again. */
  release(isolationKey: string): void {
    for (const server of this.#servers.values()) server.release(isolationKey)
  }

  /** Passes a notification of the client that an isolation key stands for on to all servers that it is connected to. */
  tell(isolationKey: string, method: string, params: JsonObject | undefined): void {
    for (const server of this.#servers.values()) server.tell(isolationKey, method, params)
  }

  status(key: ServerKey): ServerStatus | undefined {
    return this.#servers.get(key)?.status
  }

  /** A client has come to which a server may show more than to others: finds out, if it is not known. */
  look(key: ServerKey): void {
    this.#servers.get(key)?.primary.clientSeen()
  }

  /** Whether callers of an isolation key get through to a server; undefined where no breaker is wanted. */
  breakerOf(key: ServerKey, isolationKey: string): BreakerState | undefined {
    return this.#servers.get(key)?.breakerOf(isolationKey)
  }

  /** By name of server, the states of the circuits of all pools. */
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

  /** Drops all servers at once: calls that are still in flight fail. Resolves when every process has ended. Idempotent. */
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
