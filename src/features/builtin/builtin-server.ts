import type { JsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, serverDocumentSchema } from '../../domain/documents/server-definition.ts'
import type { ToolOverride } from '../../domain/documents/tool-entries.ts'
import { type RequiredRoles } from '../../domain/documents/document-fields.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import type { Call } from '../../calls/call.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'

/** The call of a tool of the gateway's own, which the caller may use. */
export interface BuiltinCall {
  readonly call: Call
  readonly arguments: JsonObject
  /** Aborts when the caller goes away or the time of the call is over. */
  readonly signal: AbortSignal
  /** When the call has to be over, on the monotonic clock. */
  readonly deadlineAt: number
}

/** A tool that the gateway runs itself. */
export interface BuiltinTool {
  readonly definition: NamedItem
  /** Resolves with the result of `tools/call`. Arguments have not been checked. @throws GatewayError */
  readonly run: (call: BuiltinCall) => Promise<JsonObject>
}

/** A server that exists inside the gateway only; to callers it is a server like any other. */
export interface BuiltinServer {
  readonly definition: ServerDefinition
  readonly tools: readonly BuiltinTool[]
}

/** Tells the servers of the gateway's own under a snapshot; no two of one tenant and name. */
export type BuiltinSource = (snapshot: Snapshot) => readonly BuiltinServer[]

/**
 * The definition of such a server. Nothing is ever started for it.
 * @param fields.name one that `isBuiltinName`
 * @param fields.tools overrides by the name of the tool
 */
export function builtinDefinition(fields: {
  name: string
  tenantId: string
  description: string
  requiredRoles?: RequiredRoles
  tools?: Readonly<Record<string, ToolOverride>>
  timeoutMs?: number
}): ServerDefinition {
  const { tools, ...rest } = fields
  const definition = serverDocumentSchema.parse({ transport: 'stdio', command: 'tool-gateway', ...rest })
  // Not parsed: there is one for each of any number of documents, all of which have been.
  return { ...definition, ...(tools !== undefined && { tools }) }
}
