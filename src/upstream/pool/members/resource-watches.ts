import { SerialQueue } from '../../../domain/concurrency/serial-queue.ts'
import type { Clock } from '../../../domain/clock.ts'
import { GatewayError } from '../../../domain/errors/errors.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { backoffMs } from '../../../domain/backoff.ts'
import type { Connection } from '../../connection/connection.ts'
import { serverUnavailable } from '../../connection/upstream-error.ts'

/** Each watcher gets a copy of the parameters; of larger ones only the URI. */
const MAX_PARAMS_LENGTH = 16 * 1024
const REFUSALS: ReadonlySet<string> = new Set(['upstream_error', 'resource_not_found'])

/** Gets the parameters of each `notifications/resources/updated` of one resource. Never throws. */
export type OnResourceUpdated = (params: JsonObject) => void

interface Watcher {
  readonly onUpdated: OnResourceUpdated
}

interface Watch {
  readonly watchers: Set<Watcher>
  /** Whether the server has accepted the subscription before, so that it is renewed after each reconnect. */
  isAccepted: boolean
}

/** The present connection, and its subscriptions. */
interface Subscriptions {
  readonly connection: Connection
  accepted: ReadonlySet<string>
  /** Whether a request failed, so that the server's subscriptions are unknown. */
  isUncertain: boolean
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
   */
  add(uri: string, onUpdated: OnResourceUpdated): () => void {
    const watcher: Watcher = { onUpdated }
    const watch = this.#watches.get(uri) ?? { watchers: new Set(), isAccepted: false }
    watch.watchers.add(watcher)
    this.#watches.set(uri, watch)
    return () => {
      if (!watch.watchers.delete(watcher) || watch.watchers.size > 0) return
      this.#watches.delete(uri)
      if (this.#current !== undefined) this.#shrink(this.#current)
    }
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
      isUncertain: false,
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
    for (const [watched, { watchers }] of this.#watches) {
      if (!isSameOrWithin(uri, watched)) continue
      for (const { onUpdated } of watchers) onUpdated(passed)
    }
  }

  /**
   * Subscribes to `more`, and keeps the accepted subscriptions that still have watchers; does nothing if all are
   * subscribed.
   */
  async #watchOver(subscriptions: Subscriptions, more: readonly string[]): Promise<void> {
    if (!subscriptions.isUncertain && more.every((uri) => subscriptions.accepted.has(uri))) return
    const uris = new Set([...subscriptions.accepted].filter((uri) => this.#watches.has(uri)))
    for (const uri of more) uris.add(uri)
    try {
      await subscriptions.connection.watchResources(uris)
      subscriptions.accepted = uris
      subscriptions.isUncertain = false
    } catch (error) {
      subscriptions.isUncertain = true
      this.#shrink(subscriptions)
      throw error
    }
  }

  /** Ends subscriptions without watchers. Best effort: updates that arrive anyway reach nobody. */
  #shrink(subscriptions: Subscriptions): void {
    void subscriptions.inTurn
      .run(async () => {
        const isExact = [...subscriptions.accepted].every((uri) => this.#watches.has(uri))
        if (subscriptions !== this.#current || (isExact && !subscriptions.isUncertain)) return
        const uris = new Set([...subscriptions.accepted].filter((uri) => this.#watches.has(uri)))
        subscriptions.accepted = uris
        subscriptions.isUncertain = false
        await subscriptions.connection.watchResources(uris)
      })
      .catch((error: unknown) => {
        this.#logger.debug({ err: error }, 'failed to unsubscribe from a resource')
      })
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
    if (subscriptions === this.#current) for (const uri of uris) this.#notifyGap(uri)
    return undefined
  }

  #restoreLater(subscriptions: Subscriptions): void {
    subscriptions.failures += 1
    subscriptions.cancelRetry = this.#clock.after(backoffMs(subscriptions.failures, this.#random), () =>
      this.#restore(subscriptions),
    )
  }

  #notifyGap(uri: string): void {
    for (const { onUpdated } of this.#watches.get(uri)?.watchers ?? []) onUpdated({ uri })
  }

  #missing(subscriptions: Subscriptions): string[] {
    return [...this.#watches]
      .filter(([uri, { isAccepted }]) => isAccepted && !subscriptions.accepted.has(uri))
      .map(([uri]) => uri)
  }
}

function isSameOrWithin(uri: string, watched: string): boolean {
  if (!uri.startsWith(watched)) return false
  return uri.length === watched.length || watched.endsWith('/') || uri[watched.length] === '/'
}

/** Whether the server is available and refused one of the subscriptions. */
function isRefusal(error: unknown): boolean {
  return error instanceof GatewayError && REFUSALS.has(error.code)
}
