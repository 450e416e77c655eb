import {
  type Client,
  type RequestId,
  SdkError,
  SdkErrorCode,
  type StandardSchemaV1,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { RawObject } from '../../domain/json/raw-object.ts'
import { Redirected } from '../fetch/exchange-heads.ts'
import type { ClientSide } from '../messages/client-side.ts'
import { checkedRaw, checkedResult } from './checked-result.ts'
import type { Connection, Era, RequestOptions, WatchChange } from './connection.ts'
import { rawResult } from '../messages/raw-results.ts'
import { SessionCheck } from './session/session-check.ts'
import type { DirectRequests } from './direct-requests.ts'
import { isPlainRequest, limitsOf, messageFor, ownHeaders } from './request-options.ts'
import { httpStatusOf, upstreamError } from './upstream-error.ts'
import { ListenedResources, SubscribedResources, type WatchedResources } from './watched-resources.ts'
import type { Wire } from './wire.ts'

const SUBSCRIBE_MS = 10_000
const PING_MS = 5000
/** Failures by which the gateway gives up a request that its server may still be handling. */
const GIVEN_UP = new Set([SdkErrorCode.RequestTimeout, SdkErrorCode.ConnectionClosed])

/** Accepts every result as it is. */
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}

/** Makes the SDK request progress; {@link Wire} reports it. */
const asksForProgress = (): void => undefined

/** The session that a server issued, if it did, and what is known of it. */
interface ServerSession {
  readonly exists: boolean
  /** Called for each request that shows that the server has lost it. */
  readonly onLost: () => void
  /** See {@link SessionCheck}. */
  readonly isDoubted: boolean
  readonly onDoubtfulLoss: () => void
}

/** A connected SDK client and its transport as a {@link Connection}. */
export class SdkConnection implements Connection {
  readonly era: Era
  readonly protocolVersion: string
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  readonly serverInfo: JsonObject | undefined
  readonly pid: number | undefined

  readonly #server: string
  readonly #client: Client
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #watched: WatchedResources
  /** Absent if there is no session. */
  readonly #session: SessionCheck | undefined
  readonly #onSessionLost: () => void
  readonly #close: () => Promise<void>
  readonly #direct: DirectRequests | undefined
  /** Whether the gateway must abort a request's HTTP exchange when the request is cancelled or times out. */
  readonly #endsExchanges: boolean
  #closed: Promise<void> | undefined

  constructor(options: {
    server: string
    /** Connected. */
    client: Client
    wire: Wire
    pid: number | undefined
    clock: Clock
    random: () => number
    /** Aborts when the connection is closed or lost. */
    signal: AbortSignal
    onResourceUpdated: (params: JsonObject) => void
    session: ServerSession
    /** Sends requests without the SDK, if the channel can. */
    direct: DirectRequests | undefined
    /** Closes the connection; called once. */
    close: () => Promise<void>
  }) {
    const { server, client, wire, clock, random, signal } = options
    this.#server = server
    this.#client = client
    this.#wire = wire
    this.#clock = clock
    this.#onSessionLost = options.session.onLost
    this.#close = options.close
    this.#direct = options.direct
    this.era = client.getProtocolEra() ?? 'legacy'
    this.protocolVersion = client.getNegotiatedProtocolVersion() ?? ''
    this.capabilities = { ...client.getServerCapabilities() }
    this.instructions = client.getInstructions()
    const serverInfo = client.getServerVersion()
    this.serverInfo = serverInfo === undefined ? undefined : { ...serverInfo }
    this.pid = options.pid
    this.#endsExchanges = this.era === 'legacy' && wire.hasPerRequestStream
    this.#session =
      this.era === 'legacy' && options.session.exists
        ? new SessionCheck({ clock, ping: () => this.#ping(), ...options.session })
        : undefined
    const onUpdated = options.onResourceUpdated
    const subscribe = (method: string, params: JsonObject): Promise<JsonObject> =>
      this.request(method, params, { signal, timeoutMs: SUBSCRIBE_MS })
    this.#watched =
      this.era === 'modern'
        ? new ListenedResources({ server, client, onUpdated, clock, random, signal })
        : new SubscribedResources({ request: subscribe })
    if (this.era === 'modern') wire.endAsks()
  }

  async request(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): Promise<JsonObject> {
    const { signal, onProgress, client } = options
    if (isAborted(signal)) throw this.#neverSent('cancelled')
    if (this.#closed !== undefined) throw this.#neverSent('upstream_unavailable')
    const exchange = this.#endsExchanges ? new AbortController() : undefined
    const message = messageFor({ method, params }, this.era === 'modern' ? client : undefined)
    const limits = limitsOf(options, { mayPause: this.era === 'legacy', clock: this.#clock })
    const sentAt = this.#clock.monotonic()
    let requestId: RequestId | undefined
    const following = {
      signal: exchange?.signal,
      onSent: (id: RequestId) => (requestId = id),
      onProgress,
      client,
      deadline: limits.deadline,
      headers: ownHeaders(options),
    }
    try {
      const answer = await this.#wire.follow(following, () =>
        this.#client.request(message, ANYTHING, {
          timeout: limits.timeoutMs,
          ...(limits.signal !== undefined && { signal: limits.signal }),
          ...((onProgress ?? options.maxTotalMs) !== undefined && { onprogress: asksForProgress }),
        }),
      )
      const result = checkedResult(rawResult(answer), this.#originFor(client))
      this.#session?.answered(method)
      return result
    } catch (error) {
      // Not after an answer, which would cost the keep-alive connection.
      exchange?.abort()
      throw await this.#failure(error, { method, requestId, sentAt, signal })
    }
  }

  /** Sends a plain request without the SDK, which costs much less; any other as `request` does. */
  async requestRaw(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): Promise<RawObject | JsonObject> {
    const { signal, client, timeoutMs } = options
    const direct = isPlainRequest(options) ? this.#directFor(method) : undefined
    if (direct === undefined) return this.request(method, params, options)
    if (isAborted(signal)) throw this.#neverSent('cancelled')
    const sentAt = this.#clock.monotonic()
    const credential = direct.authorization && { authorization: await direct.authorization() }
    const own = ownHeaders(options)
    const headers = credential === undefined ? own : { ...own, ...credential }
    const request = { id: direct.nextId(), method, params, client, headers, timeoutMs, signal }
    try {
      const result = await direct.send(request)
      this.#session?.answered(method)
      const origin = this.#originFor(client)
      return result instanceof RawObject ? checkedRaw(result, origin) : checkedResult(result, origin)
    } catch (error) {
      if (error instanceof Redirected) return this.request(method, params, options)
      // The server has not handled it, and the transport knows what to do about the credential.
      if (credential !== undefined && isRefused(error)) return this.request(method, params, options)
      throw await this.#directFailure(error, request, sentAt)
    }
  }

  notify(method: string, params: JsonObject | undefined): void {
    if (this.#closed !== undefined) return
    const message = { method, ...(params !== undefined && { params }) }
    // A legacy server gets it directly: the SDK would only pass on notifications of capabilities that it knows.
    const sent =
      this.era === 'modern'
        ? this.#client.notification(message)
        : this.#wire.send({ jsonrpc: '2.0', ...message })
    sent.catch(() => undefined)
  }

  async watchResources(uris: ReadonlySet<string>, change?: WatchChange): Promise<void> {
    if (this.#closed !== undefined) throw this.#neverSent('upstream_unavailable')
    const { resources } = this.capabilities
    if (!isJsonObject(resources) || resources['subscribe'] !== true) {
      if (uris.size === 0) return
      const facts = { server: this.#server }
      throw new GatewayError('method_not_found', `Server ${this.#server} has no subscriptions`, { facts })
    }
    await this.#watched.watch(uris, change).catch((error: unknown) => {
      throw upstreamError(error, { server: this.#server, isCancelled: false, isSessionLost: false })
    })
  }

  close(): Promise<void> {
    this.#wire.endAsks()
    this.#direct?.close()
    this.#closed ??= this.#close().catch(() => undefined)
    return this.#closed
  }

  async #failure(error: unknown, refused: Parameters<SessionCheck['verdict']>[1]): Promise<GatewayError> {
    const verdict = isAborted(refused.signal) ? undefined : await this.#session?.verdict(error, refused)
    const isSessionLost = verdict === 'unexecuted'
    if (isSessionLost || verdict === 'gone') this.#onSessionLost()
    return upstreamError(error, {
      server: this.#server,
      isCancelled: isAborted(refused.signal),
      isSessionLost,
    })
  }

  /** Undefined where only the SDK can send, and where nothing can be sent any more. */
  #directFor(method: string): DirectRequests | undefined {
    return this.#closed === undefined && this.#direct?.isOpenTo(method) === true ? this.#direct : undefined
  }

  /** What the SDK would do with the failure of one of its own requests, too. */
  #directFailure(
    error: unknown,
    { id: requestId, method, signal }: Parameters<DirectRequests['send']>[0],
    sentAt: number,
  ): Promise<GatewayError> {
    if (error instanceof TypeError) this.#wire.onerror?.(error)
    if (error instanceof SdkError && GIVEN_UP.has(error.code) && this.era === 'legacy')
      this.notify('notifications/cancelled', { requestId, reason: error.message })
    return this.#failure(error, { method, requestId, sentAt, signal })
  }

  async #ping(): Promise<{ failure?: unknown; id?: unknown }> {
    const exchange = new AbortController()
    let id: RequestId | undefined
    const following = { signal: exchange.signal, onSent: (sent: RequestId) => (id = sent) }
    try {
      const options = { timeout: PING_MS }
      await this.#wire.follow(following, () => this.#client.request({ method: 'ping' }, ANYTHING, options))
      return {}
    } catch (failure) {
      exchange.abort()
      return { failure, id }
    }
  }

  #originFor(client: ClientSide | undefined): Parameters<typeof checkedResult>[1] {
    return { server: this.#server, era: this.era, client }
  }

  #neverSent(code: 'cancelled' | 'upstream_unavailable'): GatewayError {
    const message = code === 'cancelled' ? undefined : `Server ${this.#server} is unavailable`
    return new GatewayError(code, message, { facts: { server: this.#server, mayHaveExecuted: false } })
  }
}

/** Whether a server has refused the credential of a request. */
function isRefused(error: unknown): boolean {
  const status = httpStatusOf(error)
  return status === 401 || status === 403
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
