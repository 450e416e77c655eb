import type { ServerContext } from '@modelcontextprotocol/server'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Caller } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import { textOf } from '../../calls/target-names.ts'
import { type Method, METHODS } from '../../calls/methods.ts'
import { type ClientSide, LegacyClient } from '../relay/caller-client.ts'

const MAX_SUBSCRIPTIONS = 1000
/** An entry of the state store, in which they are noted for other replicas, has 256 KiB. */
const MAX_SUBSCRIBED_BYTES = 240 * 1024
const ALWAYS = (): boolean => true

interface Request {
  readonly method: Method
  readonly params: JsonObject
  readonly caller: Caller
  readonly context: ServerContext
}

type Subscribing = Pick<Request, 'params' | 'caller'> & { readonly signal: AbortSignal }

/** What a client changed of its session. */
export interface SessionChange {
  readonly level?: string | undefined
  /** All URIs that it is subscribed to. */
  readonly subscriptions?: readonly string[]
}

/** The state of a legacy conversation between its requests: the client, its log level, its subscriptions. */
export class LegacySession {
  readonly client: LegacyClient
  readonly #calls: Calls
  readonly #scope: string | undefined
  readonly #onChange: ((change: SessionChange) => void) | undefined
  /** By URI; undefined until there is one. */
  #subscriptions: Map<string, Subscription> | undefined

  constructor(options: {
    server: ClientSide
    calls: Calls
    scope: string | undefined
    /** Whether the client can get messages that belong to no request; always by default. */
    isReachable?: () => boolean
    onChange?: (change: SessionChange) => void
  }) {
    const { server, isReachable = ALWAYS } = options
    this.#onChange = options.onChange
    this.#calls = options.calls
    this.#scope = options.scope
    this.client = new LegacyClient({ server, isReachable })
  }

  /**
   * The result of a method that concerns the session itself.
   * @throws GatewayError `method_not_found` for any other method
   */
  async answer(request: Request): Promise<JsonObject> {
    const { method, params } = request
    switch (method) {
      case METHODS.setLevel:
        this.client.setLogLevel(params['level'])
        this.#onChange?.({ level: this.client.logLevel })
        return {}
      case METHODS.subscribe: {
        const { caller, context } = request
        await this.#subscribe(textOf(params, 'uri'), { params, caller, signal: context.mcpReq.signal })
        this.#subscriptionsChanged()
        return {}
      }
      case METHODS.unsubscribe:
        this.#unsubscribe(textOf(params, 'uri'))
        this.#subscriptionsChanged()
        return {}
      default:
        throw new GatewayError('method_not_found')
    }
  }

  /** Subscribes to what the client subscribed to at another replica; what is refused now is left out. */
  async resume(uris: readonly string[], caller: Caller): Promise<void> {
    const { signal } = new AbortController()
    await Promise.all(
      uris.map((uri) => this.#subscribe(uri, { params: { uri }, caller, signal }).catch(() => undefined)),
    )
  }

  /** Ends all subscriptions. */
  end(): void {
    for (const uri of this.#subscriptions?.keys() ?? []) this.#unsubscribe(uri)
  }

  #subscriptionsChanged(): void {
    this.#onChange?.({ subscriptions: [...(this.#subscriptions?.keys() ?? [])] })
  }

  async #subscribe(uri: string, request: Subscribing): Promise<void> {
    const subscriptions = (this.#subscriptions ??= new Map<string, Subscription>())
    const known = subscriptions.get(uri)
    if (known !== undefined) return known.made
    if (subscriptions.size >= MAX_SUBSCRIPTIONS)
      throw new GatewayError('invalid_arguments', `A session has at most ${MAX_SUBSCRIPTIONS} subscriptions`)
    if (notedBytes([...subscriptions.keys(), uri]) > MAX_SUBSCRIBED_BYTES)
      throw new GatewayError(
        'invalid_arguments',
        `The URIs that a session is subscribed to have at most ${MAX_SUBSCRIBED_BYTES / 1024} KiB together`,
      )
    const subscription = new Subscription((made) => this.#make(uri, made, request))
    subscriptions.set(uri, subscription)
    try {
      await subscription.made
    } catch (error) {
      // The client may have ended this subscription and made another.
      if (subscriptions.get(uri) === subscription) subscriptions.delete(uri)
      throw error
    }
  }

  async #make(uri: string, subscription: Subscription, request: Subscribing): Promise<void> {
    const { params, caller, signal } = request
    await this.#calls.run(caller, {
      action: 'subscribe',
      kind: 'resource',
      name: uri,
      scope: this.#scope,
      method: METHODS.subscribe,
      params,
      signal,
      client: this.client,
      watch: {
        onUpdated: (updated) => this.client.tell('notifications/resources/updated', updated),
        onWatching: (release) => subscription.keep(release),
      },
    })
  }

  #unsubscribe(uri: string): void {
    this.#subscriptions?.get(uri)?.end()
    this.#subscriptions?.delete(uri)
  }
}

function notedBytes(uris: readonly string[]): number {
  return Buffer.byteLength(JSON.stringify(uris))
}

/** One subscription of the client. It may be ended before the server has accepted it. */
class Subscription {
  /** Settles when the server has accepted or refused the subscription. */
  readonly made: Promise<void>
  #release: (() => void) | undefined
  #isOver = false

  constructor(make: (subscription: Subscription) => Promise<void>) {
    this.made = make(this)
  }

  keep(release: () => void): void {
    if (this.#isOver) release()
    else this.#release = release
  }

  end(): void {
    this.#isOver = true
    this.#release?.()
  }
}
