import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** Name under which clients and servers declare the tasks extension of MCP. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'

/** The capability of a client that a kind of questions needs, by the first part of their methods. */
const KINDS = new Set(['elicitation', 'sampling', 'roots'])

/**
 * The client that a call, or a whole connection, is made for, as far as its server may make use of it. A server
 * that is given none of a kind sees a client without that capability.
 */
export interface ClientSide {
  /** What the client declared, cut to what the server's document grants. Empty: it cannot be asked anything. */
  readonly capabilities: JsonObject
  /** The least severity of log messages that it wants; undefined: it did not ask for any. */
  readonly logLevel: string | undefined
  /**
   * Asks the client and resolves with its result, every field of it. Absent for clients of the modern era, which are
   * asked by the result `input_required`.
   * @throws GatewayError with the client's JSON-RPC error in `facts.upstream`, `cancelled`, or `client_not_reachable`
   */
  readonly ask?: (
    method: string,
    params: JsonObject | undefined,
    options: { readonly signal: AbortSignal },
  ) => Promise<JsonObject>
  /** Passes a notification on to the client, as it is; lost when the client is gone. */
  readonly tell: (method: string, params: JsonObject | undefined) => void
}

/** Whether a server that was told of these capabilities of a client may ask it this. */
export function mayAsk(capabilities: JsonObject, method: unknown): boolean {
  if (typeof method !== 'string') return false
  const kind = method.slice(0, Math.max(0, method.indexOf('/')))
  return KINDS.has(kind) && isJsonObject(capabilities[kind])
}
