import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { RegistryDocument } from './parse.ts'

const MAX_NAME_LENGTH = 40
const INCLUDED = ['includeTools', 'enabledTools', 'enabled_tools', 'allowedTools']
const EXCLUDED = ['excludeTools', 'disabledTools', 'disabled_tools']
/** Fields that an entry may have beside those of desktop clients, so that access can be narrowed in place. */
const OWN_FIELDS = [
  'tenantId',
  'enabled',
  'requiredRoles',
  'agentAllowlist',
  'description',
  'sharing',
  'era',
] as const

/**
 * The documents that the `mcpServers` object of a desktop client stands for. Fields that only desktop clients
 * know (`autoApprove`, `timeout` and the like) are left out; wrong values are kept, for the schema to report.
 */
export function documentsOfDesktopConfig(mcpServers: JsonObject): RegistryDocument[] {
  return Object.entries(mcpServers).map(([key, entry]) => ({
    id: `mcpServers.${key}`,
    value: isJsonObject(entry) ? { name: legalName(key), ...documentOf(entry) } : entry,
  }))
}

/** A server name made of any text: `GitHub (work)` becomes `github-work`. */
export function legalName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
  const started = /^[a-z]/.test(name) ? name : `server-${name}`
  return started.slice(0, MAX_NAME_LENGTH).replace(/-$/, '')
}

function documentOf(entry: JsonObject): JsonObject {
  const url = entry['url'] ?? entry['serverUrl'] ?? entry['httpUrl']
  const isStdio = url === undefined && (entry['type'] ?? 'stdio') === 'stdio'
  return {
    ...(isStdio ? stdioFields(entry) : { ...fieldsOf(entry, ['headers']), url }),
    ...fieldsOf(entry, OWN_FIELDS),
    ...toolsOf(entry),
    ...enabledOf(entry['disabled']),
    transport: isStdio ? 'stdio' : transportOf(entry),
  }
}

/** Clients write numbers and booleans where a process can only get text. */
function stdioFields(entry: JsonObject): JsonObject {
  const fields = fieldsOf(entry, ['command', 'args', 'env', 'cwd'])
  if (!isJsonObject(fields['env'])) return fields
  const env: JsonObject = Object.fromEntries(
    Object.entries(fields['env']).map(([name, value]) => [name, isScalar(value) ? String(value) : value]),
  )
  return { ...fields, env }
}

function isScalar(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean'
}

/** `streamableHttp` and `streamable_http` are spellings of one transport. */
function transportOf(entry: JsonObject): unknown {
  const type = entry['type'] ?? entry['transport'] ?? 'http'
  const isStreamable = typeof type === 'string' && /^streamable[-_]?http$/i.test(type)
  return isStreamable ? 'streamable-http' : type
}

function fieldsOf(entry: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => entry[name] !== undefined).map((name) => [name, entry[name]]),
  )
}

/** Which tools may be used, under the names that clients have for it: without them more could be used than there. */
function toolsOf(entry: JsonObject): JsonObject {
  const { tools } = entry
  const include = listOf(entry, INCLUDED) ?? (Array.isArray(tools) ? tools : undefined)
  const exclude = listOf(entry, EXCLUDED)
  if (include === undefined && exclude === undefined) return tools === undefined ? {} : { tools }
  const own = isJsonObject(tools) ? tools : {}
  return { tools: { ...own, ...(include && { include }), ...(exclude && { exclude }) } }
}

function listOf(entry: JsonObject, names: readonly string[]): unknown[] | undefined {
  const lists = names.map((name) => entry[name]).filter((value) => Array.isArray(value))
  return lists.length === 0 ? undefined : lists.flat()
}

function enabledOf(disabled: unknown): JsonObject {
  if (disabled === undefined) return {}
  return { enabled: typeof disabled === 'boolean' ? !disabled : disabled }
}
