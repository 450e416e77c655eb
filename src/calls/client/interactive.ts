import { isJsonObject } from '../../domain/json/json.ts'
import type { ClientCapability, ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { CallerClient } from '../call.ts'

type Declared = Pick<CallerClient, 'era' | 'capabilities'>

const CAPABILITIES: readonly ClientCapability[] = ['elicitation', 'sampling', 'roots']

/**
 * Whether a server that learns the client's capabilities when it is connected may offer more to this client. Such a
 * server never learns the capabilities of a modern client.
 */
export function isInteractive(client: Declared | undefined): boolean {
  return declaresOneOf(CAPABILITIES, client)
}

/** Whether this holds for one server, which sees only the capabilities that its document grants. */
export function isInteractiveFor(
  { clientCapabilities }: ServerDefinition,
  client: Declared | undefined,
): boolean {
  return declaresOneOf(clientCapabilities, client)
}

function declaresOneOf(kinds: readonly ClientCapability[], client: Declared | undefined): boolean {
  return client?.era === 'legacy' && kinds.some((kind) => isJsonObject(client.capabilities[kind]))
}
