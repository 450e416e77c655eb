import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { TASKS_EXTENSION } from '../../upstream/messages/client-side.ts'
import type { CallerClient } from '../call.ts'
import { SKILLS_EXTENSION } from '../skills.ts'
import { type Declared, extensionOf } from '../tasks/task-support.ts'

/** Extensions of the client that only affect how results are displayed, so any server may see them. */
const HARMLESS_EXTENSIONS = ['io.modelcontextprotocol/ui']
const NONE: JsonObject = {}

/** Extensions that change requests and results: they apply only when client and server both declare them. */
const MUTUAL_EXTENSIONS = [TASKS_EXTENSION, SKILLS_EXTENSION]

/**
 * The client as a server may see it: with the capabilities that the server's document grants, and the extensions that
 * the server declares too.
 */
export function grantedClient(
  client: CallerClient,
  server: ServerDefinition,
  declared?: Declared,
): CallerClient {
  const capabilities = grantedCapabilities(client.capabilities, server, mutual(client, server, declared))
  const { era, logLevel, ask, tell } = client
  return { era, capabilities, logLevel, tell, ...(ask !== undefined && { ask }) }
}

/** None if client or server is legacy: a legacy server would learn of an extension once, for all requests. */
function mutual(client: CallerClient, server: ServerDefinition, declared: Declared | undefined): string[] {
  const key = serverKey(server)
  if (declared === undefined || client.era !== 'modern' || declared.eraOf(key) !== 'modern') return []
  return MUTUAL_EXTENSIONS.filter((name) => extensionOf(declared, key, name) !== undefined)
}

/** What of the declared capabilities of a client a server may see. @param mutualExtensions those that the server declares, too */
export function grantedCapabilities(
  declared: JsonObject,
  server: ServerDefinition,
  mutualExtensions: readonly string[] = [],
): JsonObject {
  if (Object.keys(declared).length === 0) return NONE
  const extensions = onlyThese(declared['extensions'], [...HARMLESS_EXTENSIONS, ...mutualExtensions])
  return {
    ...Object.fromEntries(
      server.clientCapabilities
        .filter((kind) => isJsonObject(declared[kind]))
        .map((kind) => [kind, declared[kind]]),
    ),
    ...(Object.keys(extensions).length > 0 && { extensions }),
  }
}

function onlyThese(declared: unknown, names: readonly string[]): JsonObject {
  if (!isJsonObject(declared)) return NONE
  return Object.fromEntries(
    names.filter((name) => declared[name] !== undefined).map((name) => [name, declared[name]]),
  )
}
