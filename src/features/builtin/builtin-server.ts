import type { JsonObject } from '../../domain/json/json.ts'
import type { BuiltinDefinition } from '../../domain/documents/server-definition.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import type { RoutedCall } from '../../calls/stage.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'

/** The call of a tool of the gateway's own, which the caller may use. */
export interface BuiltinCall {
  readonly call: RoutedCall
  readonly arguments: JsonObject
  /** Aborts when the caller goes away or the time of the call is over. */
  readonly signal: AbortSignal
  /** When the call has to be over, on the monotonic clock. */
  readonly deadlineAt: number
}

/** A tool that the gateway runs itself. */
export interface BuiltinTool {
  readonly definition: NamedItem
  /** Refuses arguments, by tenant, before anybody is asked for approval. @throws GatewayError */
  readonly check?: (given: JsonObject, tenantId: string) => void
  /** Resolves with the result of `tools/call`. Arguments have not been checked. @throws GatewayError */
  readonly run: (call: BuiltinCall) => Promise<JsonObject>
}

/** A server that exists inside the gateway only; to callers it is a server like any other. */
export interface BuiltinServer {
  readonly definition: BuiltinDefinition
  readonly tools: readonly BuiltinTool[]
}

/** Tells the servers of the gateway's own under a snapshot; no two of one tenant and name. */
export type BuiltinSource = (snapshot: Snapshot) => readonly BuiltinServer[]
