import type { JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Tap } from './decorators/tap.ts'

/** `legacy`: revisions 2024-11-05 to 2025-11-25, opened with `initialize`; `modern`: 2026-07-28, stateless. */
export type Era = 'legacy' | 'modern'

/** What a server can say has changed. */
export type ListKind = 'tools' | 'resources' | 'prompts'

/** How long one request to a server may take, and who hears of it meanwhile. */
export interface RequestOptions {
  /** Aborting it cancels the request upstream. */
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** With each progress notification `timeoutMs` begins again, but no later than this the request is given up. */
  readonly maxTotalMs?: number | undefined
  /** Called for each progress notification of this request, without its token. */
  readonly onProgress?: (progress: JsonObject) => void
  /**
   * Whom the request is made for: gets what the server says and asks meanwhile, as far as it can be told to belong to
   * this request. While the client is being asked, `timeoutMs` does not run.
   */
  readonly client?: ClientSide
  /** HTTP headers of this request beside the connection's own, such as `Mcp-Param-*`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One live MCP client to one instance. Results come through with every field that the server sent. */
export interface Connection {
  readonly era: Era
  readonly protocolVersion: string
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  /** Name and version that the server gives itself; for operators only. */
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

  /** Passes on a notification of the client that the connection belongs to; lost when the connection is. */
  notify(method: string, params: JsonObject | undefined): void

  /**
   * Watches exactly these resources from now on, reported by `onResourceUpdated`; resolves when the server has
   * agreed. Over both eras: `resources/subscribe`, or a `subscriptions/listen` stream that is kept up. Those that the
   * server agrees to are watched also where it refuses others.
   * @throws GatewayError as `request` does, `method_not_found` where the server has no subscriptions at all, or
   * `resource_not_found` where a modern server leaves one out
   */
  watchResources(uris: ReadonlySet<string>): Promise<void>

  /** Ends the connection and, for stdio, the whole process group. Idempotent; never rejects. */
  close(): Promise<void>
}

/** What a connection reports on its own. */
export interface ConnectionEvents {
  /**
   * The connection ended without `close()` having been called, which is still to be done. At most once.
   * @param cause `session`: the server is there, but has forgotten the session; requests in flight are still answered
   */
  readonly onLost: (reason: string, cause?: 'session') => void
  readonly onListChanged: (kind: ListKind) => void
  /** A watched resource changed: the parameters of `notifications/resources/updated`. */
  readonly onResourceUpdated?: (params: JsonObject) => void
}

/** How one connection is opened. */
export interface ConnectOptions {
  /** Time for each process, or the endpoint, to open, era probe included. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /**
   * The one client that the connection is for: its capabilities are declared to a legacy server, and it gets what the
   * server says or asks outside of any request. Absent for connections that callers share: none are declared.
   */
  readonly client?: ClientSide
  /** Hears everything that goes over the connection. */
  readonly tap?: Tap
}

/** Opens a connection to the one instance of a server. @throws GatewayError `upstream_unavailable` */
export type Connect = (
  server: ServerDefinition,
  events: ConnectionEvents,
  options: ConnectOptions,
) => Promise<Connection>
