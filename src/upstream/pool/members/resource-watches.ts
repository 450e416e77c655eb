import type { Clock } from '../../../domain/clock.ts'
import { GatewayError } from '../../../domain/errors/errors.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { backoffMs } from '../../../domain/backoff.ts'
import type { Connection } from '../../connection/connection.ts'

const REFUSALS: ReadonlySet<string> = new Set(['upstream_error', 'resource_not_found'])

/** Gets the parameters of each `notifications/resources/updated` of one resource. Never throws. */
export type OnResourceUpdated = (params: JsonObject) => void

interface Watcher {
  readonly onUpdated: OnResourceUpdated
}

interface Watch {
  readonly watchers: Set<Watcher>
  /** Whether the server has accepted the subscription before, so that it is renewed after each reconnect. */
  isAgreed: boolean
}

/** The present connection, and its subscriptions. */
interface Line {
  readonly connection: Connection
  agreed: ReadonlySet<string>
  /** Whether a request failed, so that the server's subscriptions are unknown. */
  isUncertain: boolean
  /** The last of the requests, which run one after the other; never rejects. */
  turn: Promise<void>
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
  #line: Line | undefined

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
  isAgreed(uri: string): boolean {
    return this.#watches.get(uri)?.isAgreed === true
  }

  /**
   * Adds a watcher before the server gets the subscription, so that no update is missed. The returned function, which
   * is idempotent, removes it.
   */
  add(uri: string, onUpdated: OnResourceUpdated): () => void {
    const watcher: Watcher = { onUpdated }
    const watch = this.#watches.get(uri) ?? { watchers: new Set(), isAgreed: false }
    watch.watchers.add(watcher)
    this.#watches.set(uri, watch)
    return () => {
      if (!watch.watchers.delete(watcher) || watch.watchers.size > 0) return
      this.#watches.delete(uri)
      if (this.#line !== undefined) this.#shrink(this.#line)
    }
  }

  /**
   * Subscribes to a resource at the server, unless it is subscribed already.
   * @throws GatewayError as `Connection.watchResources` does
   */
  async agree(connection: Connection, uri: string): Promise<void> {
    const line = this.#line
    if (line?.connection !== connection) throw this.#gone()
    await inTurn(line, async () => {
      if (!this.#watches.has(uri)) return
      await this.#watchOver(line, [uri])
      if (line !== this.#line) throw this.#gone()
      const watch = this.#watches.get(uri)
      if (watch !== undefined) watch.isAgreed = true
    })
  }

  /** Renews the subscriptions over a new connection, and tells all watchers that they may have missed an update. */
  opened(connection: Connection): void {
    this.#line?.cancelRetry?.()
    const line: Line = {
      connection,
      agreed: new Set(),
      isUncertain: false,
      turn: Promise.resolve(),
      failures: 0,
      cancelRetry: undefined,
    }
    this.#line = line
    if (this.#missing(line).length > 0) this.#restore(line)
  }

  /** A connection was closed, or takes no new requests. */
  closed(connection: Connection): void {
    if (this.#line?.connection !== connection) return
    this.#line.cancelRetry?.()
    this.#line = undefined
  }

  /**
   * Notifies the watchers of the resource, and of resources that it is part of (MCP: the URI may be of a sub-resource).
   */
  updated(params: JsonObject): void {
    const { uri } = params
    if (typeof uri !== 'string') return
    for (const [watched, { watchers }] of this.#watches) {
      if (!isSameOrWithin(uri, watched)) continue
      for (const { onUpdated } of watchers) onUpdated(params)
    }
  }

  /**
   * Subscribes to `more`, and keeps the accepted subscriptions that still have watchers; does nothing if all are
   * subscribed.
   */
  async #watchOver(line: Line, more: readonly string[]): Promise<void> {
    if (!line.isUncertain && more.every((uri) => line.agreed.has(uri))) return
    const uris = new Set([...line.agreed].filter((uri) => this.#watches.has(uri)))
    for (const uri of more) uris.add(uri)
    try {
      await line.connection.watchResources(uris)
      line.agreed = uris
      line.isUncertain = false
    } catch (error) {
      line.isUncertain = true
      this.#shrink(line)
      throw error
    }
  }

  /** Ends subscriptions without watchers. Best effort: updates that arrive anyway reach nobody. */
  #shrink(line: Line): void {
    void inTurn(line, async () => {
      const isExact = [...line.agreed].every((uri) => this.#watches.has(uri))
      if (line !== this.#line || (isExact && !line.isUncertain)) return
      const uris = new Set([...line.agreed].filter((uri) => this.#watches.has(uri)))
      line.agreed = uris
      line.isUncertain = false
      await line.connection.watchResources(uris)
    }).catch((error: unknown) => {
      this.#logger.debug({ err: error }, 'failed to unsubscribe from a resource')
    })
  }

  #restore(line: Line): void {
    void inTurn(line, async () => {
      if (line !== this.#line) return
      await this.#restoreAll(line)
      if (line === this.#line && this.#missing(line).length > 0) this.#restoreLater(line)
    })
  }

  /**
   * Renews all at once; if the server refuses, each one alone, so that one refused resource does not block the others.
   */
  async #restoreAll(line: Line): Promise<void> {
    const missing = this.#missing(line)
    const error = await this.#restoreSome(line, missing)
    if (missing.length < 2 || !isRefusal(error)) return
    for (const uri of missing) {
      if (line !== this.#line) return
      await this.#restoreSome(line, [uri])
    }
  }

  /** Resolves with the error, if there was one. */
  async #restoreSome(line: Line, uris: readonly string[]): Promise<unknown> {
    try {
      await this.#watchOver(line, uris)
    } catch (error) {
      const level = line.failures === 0 ? 'warn' : 'debug'
      if (line === this.#line) this.#logger[level]({ err: error }, 'failed to subscribe to resources again')
      return error
    }
    if (line === this.#line) for (const uri of uris) this.#tellOfGap(uri)
    return undefined
  }

  #restoreLater(line: Line): void {
    line.failures += 1
    line.cancelRetry = this.#clock.after(backoffMs(line.failures, this.#random), () => this.#restore(line))
  }

  #tellOfGap(uri: string): void {
    for (const { onUpdated } of this.#watches.get(uri)?.watchers ?? []) onUpdated({ uri })
  }

  #missing(line: Line): string[] {
    return [...this.#watches]
      .filter(([uri, { isAgreed }]) => isAgreed && !line.agreed.has(uri))
      .map(([uri]) => uri)
  }

  #gone(): GatewayError {
    return new GatewayError('upstream_unavailable', `Server ${this.#server} is unavailable`, {
      facts: { server: this.#server, mayHaveExecuted: false },
    })
  }
}

function inTurn(line: Line, task: () => Promise<void>): Promise<void> {
  const result = line.turn.then(task)
  line.turn = result.catch(() => undefined)
  return result
}

function isSameOrWithin(uri: string, watched: string): boolean {
  if (!uri.startsWith(watched)) return false
  return uri.length === watched.length || watched.endsWith('/') || uri[watched.length] === '/'
}

/** Whether the server is available and refused one of the subscriptions. */
function isRefusal(error: unknown): boolean {
  return error instanceof GatewayError && REFUSALS.has(error.code)
}
