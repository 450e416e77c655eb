import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ServerKey } from '../../domain/documents/server-definition.ts'
import { TASKS_EXTENSION } from '../../upstream/messages/client-side.ts'
import type { Era } from '../../upstream/connection/connection.ts'

/** What servers declared when they were last connected. */
export interface Declared {
  readonly eraOf: (server: ServerKey) => Era | undefined
  readonly capabilitiesOf: (server: ServerKey) => JsonObject
}

/**
 * The settings of an extension that a server declares; undefined if it does not. In the modern era both sides must
 * declare an extension (MCP 2026-07-28, extensions).
 */
export function extensionOf(
  declared: Declared,
  server: ServerKey,
  extension: string,
): JsonObject | undefined {
  const { extensions } = declared.capabilitiesOf(server)
  const settings = isJsonObject(extensions) ? extensions[extension] : undefined
  return isJsonObject(settings) ? settings : undefined
}

/**
 * Whether a server has tasks that clients of `era` can use. `legacy`: the capability `tasks` of 2025-11-25, for tool
 * calls; `modern`: the extension. They differ too much for the gateway to translate between them.
 */
export function hasTasks(declared: Declared, server: ServerKey, era: Era): boolean {
  if (declared.eraOf(server) !== era) return false
  return era === 'legacy'
    ? legacyTasksOf(declared, server) !== undefined
    : extensionOf(declared, server, TASKS_EXTENSION) !== undefined
}

/** The capability `tasks` of a legacy server that supports it for tool calls. */
export function legacyTasksOf(declared: Declared, server: ServerKey): JsonObject | undefined {
  if (declared.eraOf(server) !== 'legacy') return undefined
  const { tasks } = declared.capabilitiesOf(server)
  const requests = isJsonObject(tasks) ? tasks['requests'] : undefined
  const tools = isJsonObject(requests) ? requests['tools'] : undefined
  return isJsonObject(tasks) && isJsonObject(tools) && isJsonObject(tools['call']) ? tasks : undefined
}
