import type { JsonObject } from '../../domain/json/json.ts'
import { isUnfilled } from '../../registry/clients/client-placeholders.ts'

/** What says where a server is and how it is started; all else is the gateway's, and a client knows nothing of it. */
const CONNECTION_FIELDS = new Set([
  'transport',
  'command',
  'args',
  'env',
  'cwd',
  'package',
  'url',
  'instances',
  'headers',
  'templateName',
  'config',
])
const MAX_NAME_LENGTH = 40

/**
 * A document that takes the place of another: how to reach the server comes from the import, and who may use it, which
 * tools and everything else stays as it is. Credentials stay only where they go to the same place.
 */
export function replacing(imported: JsonObject, there: JsonObject): JsonObject {
  const wasWaiting = isUnfilled(there)
  const kept = Object.entries(there).filter(([field]) => {
    if (CONNECTION_FIELDS.has(field)) return false
    if (field === 'auth') return originOf(imported) !== undefined && originOf(imported) === originOf(there)
    return field !== 'enabled' || !wasWaiting
  })
  const { description, ...rest } = imported
  return {
    ...rest,
    ...(description !== undefined && { description }),
    ...Object.fromEntries(kept.filter(([field]) => field !== 'description' || description === undefined)),
    ...(imported['enabled'] === false && { enabled: false }),
  }
}

/** The document under another name, for callers with one of the roles, where that is asked for. */
export function adapted(
  document: JsonObject,
  { prefix, roles }: { prefix?: string; roles?: string },
): JsonObject {
  const name =
    prefix === undefined ? document['name'] : `${prefix.replace(/(?<!-)-+$/, '')}-${String(document['name'])}`
  const shortened = typeof name === 'string' ? name.slice(0, MAX_NAME_LENGTH).replace(/(?<!-)-+$/, '') : name
  return {
    ...document,
    name: shortened,
    ...(roles !== undefined && { requiredRoles: roles.split(',').map((role) => role.trim()) }),
  }
}

/** Whether every token of the tenant may use a server. */
export function isOpen({ requiredRoles, agentAllowlist }: JsonObject): boolean {
  return requiredRoles === undefined && agentAllowlist === undefined
}

function originOf({ url }: JsonObject): string | undefined {
  return typeof url === 'string' ? (URL.parse(url)?.origin ?? undefined) : undefined
}
