import { canonicalJson, type JsonObject } from '../domain/json/json.ts'
import type { ServerDefinition, ServerKey } from '../domain/documents/server-definition.ts'
import type { Snapshot } from '../domain/snapshot.ts'

/** What has to happen to connections to get from one snapshot to the next. */
export interface Changes {
  /** New servers, and those that were enabled. */
  readonly added: readonly ServerDefinition[]
  /** Servers with a changed field that shapes the connection, so that the old connection must be replaced. */
  readonly replaced: readonly ServerDefinition[]
  /** Other fields are different; connections and calls in flight are not touched. */
  readonly updated: readonly ServerDefinition[]
  /** Servers that are gone, and those that were disabled. */
  readonly removed: readonly ServerKey[]
}

/** The fields that a connection, or who shares it, is made of. */
const CONNECTION_FIELDS = [
  'transport',
  'command',
  'package',
  'args',
  'cwd',
  'env',
  'limits',
  'sandbox',
  'headers',
  'auth',
  'era',
  'sharing',
  'clientCapabilities',
]

/**
 * Compares two snapshots. A disabled server has no connection, so it counts as absent: enabling it adds it,
 * disabling it removes it, and edits while it is disabled are no change.
 */
export function diff(previous: Pick<Snapshot, 'servers'>, next: Pick<Snapshot, 'servers'>): Changes {
  const added: ServerDefinition[] = []
  const replaced: ServerDefinition[] = []
  const updated: ServerDefinition[] = []
  for (const [key, server] of next.servers) {
    if (!server.enabled) continue
    const before = previous.servers.get(key)
    if (before === server) continue
    if (before === undefined || !before.enabled) added.push(server)
    else if (connectionPart(before) !== connectionPart(server)) replaced.push(server)
    else if (canonicalJson(before) !== canonicalJson(server)) updated.push(server)
  }
  const removed = [...previous.servers]
    .filter(([key, server]) => server.enabled && next.servers.get(key)?.enabled !== true)
    .map(([key]) => key)
  return { added, replaced, updated, removed }
}

function connectionPart(server: ServerDefinition): string {
  const fields: JsonObject = { ...server }
  return canonicalJson(CONNECTION_FIELDS.map((field) => fields[field]))
}
