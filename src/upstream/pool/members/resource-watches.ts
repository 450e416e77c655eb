import { addTo } from '../../../domain/concurrency/counts.ts'
import type { QueueOwner } from '../../../domain/concurrency/fair-queue.ts'
import { SerialQueue } from '../../../domain/concurrency/serial-queue.ts'
import type { Clock } from '../../../domain/clock.ts'
import { GatewayError } from '../../../domain/errors/errors.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { backoffMs } from '../../../domain/backoff.ts'
import type { Connection, WatchChange } from '../../connection/connection.ts'
import { serverUnavailable } from '../../connection/upstream-error.ts'
import { type OnResourceUpdated, UntoldUpdates, type Watcher } from './untold-updates.ts'

/** Each watcher gets a copy of the parameters; of larger ones only the URI. */
const MAX_PARAMS_LENGTH = 16 * 1024
/** A principal cannot have the gateway and the server remember more. */
const MAX_WATCHERS = 4000
const REFUSALS: ReadonlySet<string> = new Set(['upstream_error', 'resource_not_found'])

interface Watch {
  readonly watchers: Set<Watcher>
  /** Whether the server has accepted the subscription before, so that it is renewed after each reconnect. */
  isAccepted: boolean
}

/** The present connection, and its subscriptions. */
interface Subscriptions {
  readonly connection: Connection
  /** Also has what it is being asked for. A set that changes, so that one more costs the same however many there are. */
  readonly accepted: Set<string>
  /** Resources of which the server may have an unneeded subscription. */
  readonly stale: Set<string>
  /** The last of the requests, which run one after the other; never rejects. */
  readonly inTurn: SerialQueue
  failures: number
  cancelRetry: (() => void) | undefined
}

/**
 * The resource subscriptions over one pool. It counts the watchers of each resource, so that the server gets one
 * subscription for it, and outlives connections, and even the pool when the server's definition is replaced.
 */
export class ResourceWatches {
  readonly #server: string
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  readonly #watches = new Map<string, Watch>()
  /** How many of the watched URIs are of each length: an update looks up these parts of its own. */
  readonly #lengths = new Map<number, number>()
  /** Watchers by principal. */
  readonly #counts = new Map<string, number>()
  readonly #untold = new UntoldUpdates({ watchersOf: (uri) => this.#watches.get(uri)?.watchers })
  #current: Subscriptions | undefined

  constructor(options: { server: string; clock: Clock; random: () => number; logger: Logger }) {
    this.#server = options.server
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
  }

  /** Whether there are any watchers. */
  get isWatching(): boolean {
    return this.#watches.size > 0
  }

  /** Whether the server has accepted a subscription to this resource, possibly over an earlier connection. */
  isAccepted(uri: string): boolean {
    return this.#watches.get(uri)?.isAccepted === true
  }

  /**
   * Adds a watcher before the server gets the subscription, so that no update is missed. The returned function, which
   * is idempotent, removes it.
   * @param owner on whose account it watches
   * @throws GatewayError `invalid_arguments` when that has too many watchers
   */
  add(uri: string, onUpdated: OnResourceUpdated, { tenant, principal }: QueueOwner): () => void {
    if ((this.#counts.get(principal) ?? 0) >= MAX_WATCHERS) throw tooMany(this.#server)
    const watcher: Watcher = { tenant, onUpdated }
    const watch = this.#watches.get(uri) ?? { watchers: new Set(), isAccepted: false }
    if (watch.watchers.size === 0) addTo(this.#lengths, uri.length, 1)
    watch.watchers.add(watcher)
    this.#watches.set(uri, watch)
    addTo(this.#counts, principal, 1)
    return () => {
      if (!watch.watchers.delete(watcher)) return
      addTo(this.#counts, principal, -1)
      if (watch.watchers.size === 0) this.#unwatch(uri)
    }
  }

  #unwatch(uri: string): void {
    this.#watches.delete(uri)
    addTo(this.#lengths, uri.length, -1)
    if (this.#current?.accepted.has(uri) !== true) return
    this.#current.stale.add(uri)
    this.#shrink(this.#current)
  }

  /**
   * Subscribes to a resource at the server, unless it is subscribed already.
   * @throws GatewayError as `Connection.watchResources` does
   */
  async subscribe(connection: Connection, uri: string): Promise<void> {
    const subscriptions = this.#current
    if (subscriptions?.connection !== connection) throw serverUnavailable(this.#server)
    await subscriptions.inTurn.run(async () => {
      if (!this.#watches.has(uri)) return
      await this.#watchOver(subscriptions, [uri])
      if (subscriptions !== this.#current) throw serverUnavailable(this.#server)
      const watch = this.#watches.get(uri)
      if (watch !== undefined) watch.isAccepted = true
    })
  }

  /** Renews the subscriptions over a new connection, and tells all watchers that they may have missed an update. */
  opened(connection: Connection): void {
    this.#current?.cancelRetry?.()
    const subscriptions: Subscriptions = {
      connection,
      accepted: new Set(),
      stale: new Set(),
      inTurn: new SerialQueue(),
      failures: 0,
      cancelRetry: undefined,
    }
    this.#current = subscriptions
    if (this.#missing(subscriptions).length > 0) this.#restore(subscriptions)
  }

  /** A connection was closed, or takes no new requests. */
  closed(connection: Connection): void {
    if (this.#current?.connection !== connection) return
    this.#current.cancelRetry?.()
    this.#current = undefined
  }

  /**
   * Notifies the watchers of the resource, and of resources that it is part of (MCP: the URI may be of a sub-resource).
   */
  updated(params: JsonObject): void {
    const { uri } = params
    if (typeof uri !== 'string' || uri.length > MAX_PARAMS_LENGTH) return
    const passed = JSON.stringify(params).length > MAX_PARAMS_LENGTH ? { uri } : params
    for (const length of this.#lengths.keys()) {
      if (!endsPart(uri, length)) continue
      const watched = uri.slice(0, length)
      if (this.#watches.has(watched)) this.#untold.add(watched, passed)
    }
  }

  /** Subscribes to `more`, and ends what is stale; does nothing if all are subscribed. */
  async #watchOver(subscriptions: Subscriptions, more: readonly string[]): Promise<void> {
    const { accepted, stale, connection } = subscriptions
    const added = more.filter((uri) => !accepted.has(uri))
    if (added.length === 0) return
    const removed = this.#letGo(subscriptions)
    for (const uri of added) accepted.add(uri)
    try {
      await connection.watchResources(accepted, { added, removed })
    } catch (error) {
      // The server may have accepted some of them.
      for (const uri of added) {
        accepted.delete(uri)
        stale.add(uri)
      }
      this.#shrink(subscriptions)
      throw error
    }
  }

  /** Ends subscriptions without watchers. Best effort: updates that still arrive are dropped. */
  #shrink(subscriptions: Subscriptions): void {
    void subscriptions.inTurn
      .run(async () => {
        if (subscriptions !== this.#current) return
        const removed = this.#letGo(subscriptions)
        if (removed.length === 0) return
        await subscriptions.connection.watchResources(subscriptions.accepted, { added: [], removed })
      })
      .catch((error: unknown) => {
        this.#logger.debug({ err: error }, 'failed to unsubscribe from a resource')
      })
  }

  /** Takes what is stale, unless it is watched again, from what is accepted. */
  #letGo({ accepted, stale }: Subscriptions): WatchChange['removed'] {
    const removed = [...stale].filter((uri) => !accepted.has(uri) || !this.#watches.has(uri))
    stale.clear()
    for (const uri of removed) accepted.delete(uri)
    return removed
  }

  #restore(subscriptions: Subscriptions): void {
    void subscriptions.inTurn.run(async () => {
      if (subscriptions !== this.#current) return
      await this.#restoreAll(subscriptions)
      if (subscriptions === this.#current && this.#missing(subscriptions).length > 0)
        this.#restoreLater(subscriptions)
    })
  }

  /**
   * Renews all at once; if the server refuses, each one alone, so that one refused resource does not block the others.
   */
  async #restoreAll(subscriptions: Subscriptions): Promise<void> {
    const missing = this.#missing(subscriptions)
    const error = await this.#restoreSome(subscriptions, missing)
    if (missing.length < 2 || !isRefusal(error)) return
    for (const uri of missing) {
      if (subscriptions !== this.#current) return
      await this.#restoreSome(subscriptions, [uri])
    }
  }

  /** Resolves with the error, if there was one. */
  async #restoreSome(subscriptions: Subscriptions, uris: readonly string[]): Promise<unknown> {
    try {
      await this.#watchOver(subscriptions, uris)
    } catch (error) {
      const level = subscriptions.failures === 0 ? 'warn' : 'debug'
      if (subscriptions === this.#current)
        this.#logger[level]({ err: error }, 'failed to subscribe to resources again')
      return error
    }
    if (subscriptions === this.#current) for (const uri of uris) this.#untold.add(uri, { uri })
    return undefined
  }

  #restoreLater(subscriptions: Subscriptions): void {
    subscriptions.failures += 1
    subscriptions.cancelRetry = this.#clock.after(backoffMs(subscriptions.failures, this.#random), () =>
      this.#restore(subscriptions),
    )
  }

  #missing(subscriptions: Subscriptions): string[] {
    return [...this.#watches]
      .filter(([uri, { isAccepted }]) => isAccepted && !subscriptions.accepted.has(uri))
      .map(([uri]) => uri)
  }
}

/** Whether the first characters of a URI, so many, are all of it, or name what the rest is a part of. */
function endsPart(uri: string, length: number): boolean {
  if (length >= uri.length) return length === uri.length
  return uri[length] === '/' || uri[length - 1] === '/'
}

function tooMany(server: string): GatewayError {
  return new GatewayError(
    'invalid_arguments',
    `At one server a principal has at most ${MAX_WATCHERS} subscriptions`,
    { facts: { server } },
  )
}

/** Whether the server is available and refused one of the subscriptions. */
function isRefusal(error: unknown): boolean {
  return error instanceof GatewayError && REFUSALS.has(error.code)
}
