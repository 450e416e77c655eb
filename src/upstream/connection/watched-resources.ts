import { SerialQueue } from '../../domain/concurrency/serial-queue.ts'
import type { Client } from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { WatchChange } from './connection.ts'
import { keepListening, listen } from './listening.ts'

/** Limit of concurrent subscriptions, so that a server is not flooded after a reconnect. */
const PARALLEL = 8

/** Subscribes to a set of resources; each call replaces the set. */
export interface WatchedResources {
  /** @throws the refusal of one resource; the others are subscribed nevertheless */
  watch(uris: ReadonlySet<string>, change?: WatchChange): Promise<void>
}

/** Subscriptions of the legacy era: one for each resource. */
export class SubscribedResources implements WatchedResources {
  readonly #request: (method: string, params: JsonObject) => Promise<unknown>
  readonly #subscribed = new Set<string>()
  readonly #inTurn = new SerialQueue()

  constructor(options: { request: (method: string, params: JsonObject) => Promise<unknown> }) {
    this.#request = options.request
  }

  watch(uris: ReadonlySet<string>, change?: WatchChange): Promise<void> {
    const wanted = change === undefined ? new Set(uris) : undefined
    return this.#inTurn.run(async () => {
      const added = change?.added ?? [...(wanted ?? [])]
      const removed = change?.removed ?? [...this.#subscribed].filter((uri) => wanted?.has(uri) !== true)
      const isSubscribed = (uri: string): boolean => this.#subscribed.has(uri)
      const missing = added.filter((uri) => !isSubscribed(uri))
      const refusals = await inBatches(missing, (uri) => this.#subscribe(uri))
      await inBatches(removed.filter(isSubscribed), (uri) => this.#unsubscribe(uri))
      if (refusals.length > 0) throw refusals[0]
    })
  }

  async #subscribe(uri: string): Promise<void> {
    await this.#request('resources/subscribe', { uri })
    this.#subscribed.add(uri)
  }

  /** If unsubscribing fails, further updates of the resource are ignored. */
  async #unsubscribe(uri: string): Promise<void> {
    this.#subscribed.delete(uri)
    await this.#request('resources/unsubscribe', { uri }).catch(() => undefined)
  }
}

/** Subscriptions of 2026-07-28: one stream for all, kept open. After a gap every resource counts as changed. */
export class ListenedResources implements WatchedResources {
  readonly #options: {
    readonly server: string
    readonly client: Client
    readonly onUpdated: (params: JsonObject) => void
    readonly clock: Clock
    readonly random: () => number
    readonly signal: AbortSignal
  }
  readonly #inTurn = new SerialQueue()
  #current: { readonly uris: ReadonlySet<string>; readonly end: AbortController } | undefined

  constructor(options: {
    server: string
    client: Client
    onUpdated: (params: JsonObject) => void
    clock: Clock
    random: () => number
    /** Aborts when the connection is closed or lost. */
    signal: AbortSignal
  }) {
    this.#options = options
  }

  watch(uris: ReadonlySet<string>): Promise<void> {
    const wanted = new Set(uris)
    return this.#inTurn.run(async () => {
      const before = this.#current
      if (before !== undefined && isSame(before.uris, wanted)) return
      this.#current = wanted.size === 0 ? undefined : await this.#open(wanted)
      // Only now, so that no update in between is missed.
      before?.end.abort()
      if (without(wanted, this.#current?.uris ?? new Set()).length > 0) throw this.#notHonored()
    })
  }

  async #open(wanted: ReadonlySet<string>): Promise<{ uris: ReadonlySet<string>; end: AbortController }> {
    const { client, onUpdated, clock, random, signal: life } = this.#options
    const end = new AbortController()
    const signal = AbortSignal.any([life, end.signal])
    const listening = { client, clock, random, signal }
    const subscription = await listen({ ...listening, filter: { resourceSubscriptions: [...wanted] } })
    const { resourceSubscriptions: honored = [] } = subscription.honoredFilter
    const uris = new Set(honored.filter((uri) => wanted.has(uri)))
    const filter = { resourceSubscriptions: [...uris] }
    const onGap = (): void => uris.forEach((uri) => onUpdated({ uri }))
    if (uris.size === 0) end.abort()
    else void keepListening({ ...listening, filter, onGap }, subscription)
    return { uris, end }
  }

  #notHonored(): GatewayError {
    const { server } = this.#options
    return new GatewayError(
      'resource_not_found',
      `Server ${server} does not report changes of this resource`,
      {
        facts: { server },
      },
    )
  }
}

function without(uris: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...uris].filter((uri) => !others.has(uri))
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && without(one, other).length === 0
}

/** Runs the task for every URI, and resolves with the failures. */
async function inBatches(uris: readonly string[], task: (uri: string) => Promise<void>): Promise<unknown[]> {
  const failures: unknown[] = []
  for (let start = 0; start < uris.length; start += PARALLEL) {
    const outcomes = await Promise.allSettled(uris.slice(start, start + PARALLEL).map(task))
    for (const outcome of outcomes) if (outcome.status === 'rejected') failures.push(outcome.reason)
  }
  return failures
}
