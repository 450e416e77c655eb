import type { Server, ServerContext } from '@modelcontextprotocol/server'
import { GatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Caller } from '../routing/call.ts'
import type { Calls } from '../routing/calls.ts'
import { LegacyClient } from './caller-client.ts'

const MAX_SUBSCRIPTIONS = 1000

interface Request {
  readonly method: string
  readonly params: JsonObject
  readonly caller: Caller
  readonly context: ServerContext
}

/** What a legacy conversation keeps between its requests: the client, its log level, its subscriptions. */
export class LegacySession {
  readonly client: LegacyClient
  readonly #calls: Calls
  readonly #scope: string | undefined
  /** What ends each subscription, by URI; undefined while it is being made. */
  readonly #subscriptions = new Map<string, (() => void) | undefined>()
  #isOver = false

  constructor(options: {
    server: Server
    calls: Calls
    scope: string | undefined
    isReachable: () => boolean
  }) {
    const { server, isReachable } = options
    this.#calls = options.calls
    this.#scope = options.scope
    this.client = new LegacyClient({ server, isReachable })
  }

  /** The result of a method that is about the session itself, or undefined when `method` is none. @throws GatewayError */
  async answer(request: Request): Promise<JsonObject | undefined> {
    const { method, params } = request
    switch (method) {
      case 'logging/setLevel':
        this.client.setLogLevel(params['level'])
        return {}
      case 'resources/subscribe':
        await this.#subscribe(uriOf(params), request)
        return {}
      case 'resources/unsubscribe':
        this.#unsubscribe(uriOf(params))
        return {}
      default:
        return undefined
    }
  }

  /** Ends all subscriptions. */
  end(): void {
    this.#isOver = true
    for (const uri of this.#subscriptions.keys()) this.#unsubscribe(uri)
  }

  async #subscribe(uri: string, { method, params, caller, context }: Request): Promise<void> {
    if (this.#subscriptions.has(uri)) return
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS)
      throw new GatewayError('invalid_arguments', `A session has at most ${MAX_SUBSCRIPTIONS} subscriptions`)
    this.#subscriptions.set(uri, undefined)
    try {
      await this.#calls.run(caller, {
        action: 'subscribe',
        kind: 'resource',
        name: uri,
        scope: this.#scope,
        method,
        params,
        signal: context.mcpReq.signal,
        client: this.client,
        watch: {
          onUpdated: (updated) => this.client.tell('notifications/resources/updated', updated),
          onWatching: (release) => this.#keep(uri, release),
        },
      })
    } catch (error) {
      this.#subscriptions.delete(uri)
      throw error
    }
  }

  /** The client may have unsubscribed or gone while the subscription was being made. */
  #keep(uri: string, release: () => void): void {
    if (this.#isOver || !this.#subscriptions.has(uri)) release()
    else this.#subscriptions.set(uri, release)
  }

  #unsubscribe(uri: string): void {
    this.#subscriptions.get(uri)?.()
    this.#subscriptions.delete(uri)
  }
}

function uriOf({ uri }: JsonObject): string {
  if (typeof uri === 'string' && uri !== '') return uri
  throw new GatewayError('invalid_arguments', 'uri must be a non-empty string')
}
