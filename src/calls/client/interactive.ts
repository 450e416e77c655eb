import { isJsonObject } from '../../domain/json/json.ts'
import type { ClientCapability, ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { CallerClient } from '../call.ts'

type Declared = Pick<CallerClient, 'era' | 'capabilities'>

const CAPABILITIES: readonly ClientCapability[] = ['elicitation', 'sampling', 'roots']

/**
 * Whether a server that is told of its client's capabilities when it is connected may have more to offer to this one.
 * Clients of the modern era are never told of to such a server.
 */
export function isInteractive(client: Declared | undefined): boolean {
  return declaresOneOf(CAPABILITIES, client)
}

/** The same with regard to one server, which is told no more than its document grants. */
export function isInteractiveFor(
  { clientCapabilities }: ServerDefinition,
  client: Declared | undefined,
): boolean {
  return declaresOneOf(clientCapabilities, client)
}

function declaresOneOf(kinds: readonly ClientCapability[], client: Declared | undefined): boolean {
  return client?.era === 'legacy' && kinds.some((kind) => isJsonObject(client.capabilities[kind]))
}
