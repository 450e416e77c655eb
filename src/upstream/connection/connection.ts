import type { JsonObject } from '../../domain/json/json.ts'
import type { RawObject } from '../../domain/json/raw-object.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Tap } from './decorators/tap.ts'

/** `legacy`: revisions 2024-11-05 to 2025-11-25, opened with `initialize`; `modern`: 2026-07-28, stateless. */
export type Era = 'legacy' | 'modern'

/** A list of a server that can change. */
export type ListKind = 'tools' | 'resources' | 'prompts'

/** How long one request to a server may take, and who hears of it meanwhile. */
export interface RequestOptions {
  /** Aborting it cancels the request upstream. */
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** Each progress notification restarts `timeoutMs`; after this time the request fails in any case. */
  readonly maxTotalMs?: number | undefined
  /** Called for each progress notification of this request, without its token. */
  readonly onProgress?: (progress: JsonObject) => void
  /**
   * The client for which the request is made: it gets the messages and requests of the server that belong to this
   * request, as far as that is known. While the client is being asked, `timeoutMs` does not run.
   */
  readonly client?: ClientSide
  /** HTTP headers of this request in addition to those of the connection, such as `Mcp-Param-*`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Headers of the caller that the server gets with this request. */
  readonly forwarded?: Readonly<Record<string, string>>
}

/** One live MCP client to one instance. Results have every field that the server sent. */
export interface Connection {
  readonly era: Era
  readonly protocolVersion: string
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  /** Name and version that the server states; for operators only. */
  readonly serverInfo: JsonObject | undefined
  /** Process id of a stdio server. */
  readonly pid: number | undefined

  /**
   * Sends one request and resolves with its result. A modern server may answer `resultType: "input_required"` where
   * the client of the request declared capabilities, and `"task"` where it declared that extension; every other result
   * is complete and has no `resultType`.
   * @throws GatewayError `upstream_unavailable`, `upstream_timeout`, `upstream_bad_response`,
   * `response_too_large`, `cancelled`, or `upstream_error` with the server's JSON-RPC error in `facts.upstream`.
   */
  request(method: string, params: JsonObject | undefined, options: RequestOptions): Promise<JsonObject>

  /**
   * Like `request`, for requests of which nothing but the answer concerns anybody: a large result may come as bytes.
   * Absent where that makes no difference.
   */
  readonly requestRaw?: (
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ) => Promise<RawObject | JsonObject>

  /** Forwards a notification of the client that the connection belongs to; it is lost if the connection is. */
  notify(method: string, params: JsonObject | undefined): void

  /**
   * Replaces the set of resources whose changes `onResourceUpdated` reports; resolves when the server has accepted it.
   * In both eras: `resources/subscribe`, or a `subscriptions/listen` stream that is kept open. The accepted
   * subscriptions are active even if the server refuses others.
   * @param change what differs from the set before, where that is known, so that the others need not be looked at
   * @throws GatewayError as `request` does, `method_not_found` if the server does not support subscriptions, or
   * `resource_not_found` if a modern server leaves one out
   */
  watchResources(uris: ReadonlySet<string>, change?: WatchChange): Promise<void>

  /** Closes the connection and, for stdio, ends the whole process group. Idempotent; never rejects. */
  close(): Promise<void>
}

/** What differs between two sets of watched resources. */
export interface WatchChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** What a connection reports without a request. */
export interface ConnectionEvents {
  /**
   * The connection was lost; `close()` must still be called. At most once.
   * @param cause `session`: the server is available, but has lost the session; requests in flight still get answers
   */
  readonly onLost: (reason: string, cause?: 'session') => void
  readonly onListChanged: (kind: ListKind) => void
  /** A subscribed resource changed: the parameters of `notifications/resources/updated`. */
  readonly onResourceUpdated?: (params: JsonObject) => void
}

/** How one connection is opened. */
export interface ConnectOptions {
  /** Timeout in milliseconds for each process, or the endpoint, including the era probe. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /**
   * The one client that the connection is for: its capabilities are declared to a legacy server, and it gets the
   * messages and requests of the server that belong to no request. Absent for connections that callers share, which
   * declare no capabilities.
   */
  readonly client?: ClientSide
  /** The caller whose account at the server is used. Absent if it is the same for all callers. */
  readonly onBehalfOf?: Principal
  /** Observes everything that is sent and received. */
  readonly tap?: Tap
}

/** Opens a connection to the one instance of a server. @throws GatewayError `upstream_unavailable` */
export type Connect = (
  server: ServerDefinition,
  events: ConnectionEvents,
  options: ConnectOptions,
) => Promise<Connection>
