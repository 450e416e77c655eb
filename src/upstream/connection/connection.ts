import type { JsonObject } from '../../domain/json.ts'
import type { ServerDefinition } from '../../domain/server-definition.ts'

/** `legacy`: revisions 2024-11-05 to 2025-11-25, opened with `initialize`; `modern`: 2026-07-28, stateless. */
export type Era = 'legacy' | 'modern'

/** What a server can say has changed. */
export type ListKind = 'tools' | 'resources' | 'prompts'

export interface RequestOptions {
  /** Aborting it cancels the request upstream. */
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** Called for each progress notification of this request, without its token. */
  readonly onProgress?: (progress: JsonObject) => void
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
   * Sends one request and resolves with its result.
   * @throws GatewayError `upstream_unavailable`, `upstream_timeout`, `upstream_bad_response`,
   * `response_too_large`, `cancelled`, or `upstream_error` with the server's JSON-RPC error in `facts.upstream`.
   */
  request(method: string, params: JsonObject | undefined, options: RequestOptions): Promise<JsonObject>

  /** Ends the connection and, for stdio, the whole process group. Idempotent; never rejects. */
  close(): Promise<void>
}

/** What a connection reports on its own. */
export interface ConnectionEvents {
  /** The connection ended without `close()` having been called. At most once. */
  readonly onLost: (reason: string) => void
  readonly onListChanged: (kind: ListKind) => void
}

interface ConnectOptions {
  /** Time for the whole opening, era probe included. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Opens a connection to the one instance of a server. @throws GatewayError `upstream_unavailable` */
export type Connect = (
  server: ServerDefinition,
  events: ConnectionEvents,
  options: ConnectOptions,
) => Promise<Connection>
