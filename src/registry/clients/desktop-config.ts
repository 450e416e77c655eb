import { createHash } from 'node:crypto'
import { nearestName } from '../../domain/documents/field-names.ts'
import { guarded } from '../../domain/errors/guarded.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { usualEntry } from './client-config.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'

const MAX_NAME_LENGTH = 40
const HASH_LENGTH = 8
const INCLUDED = ['includeTools', 'enabledTools', 'enabled_tools', 'allowedTools']
const EXCLUDED = ['excludeTools', 'disabledTools', 'disabled_tools']
/** Fields that an entry may have in addition to those of desktop clients, so that access can be narrowed in place. */
const OWN_FIELDS = [
  'tenantId',
  'enabled',
  'requiredRoles',
  'agentAllowlist',
  'description',
  'sharing',
  'era',
] as const
const RULES = ['tenantId', 'enabled', 'requiredRoles', 'agentAllowlist']
/** Fields that clients have for what the documents of the registry say otherwise. */
const OF_CLIENTS = ['type', 'serverUrl', 'httpUrl', 'disabled', 'environment', 'http_headers']

/**
 * The documents that the `mcpServers` object of a desktop client stands for. Fields that only desktop clients
 * know (`autoApprove`, `timeout` and the like) are left out; wrong values are kept, for the schema to report.
 */
export function documentsOfDesktopConfig(mcpServers: JsonObject): RegistryDocument[] {
  const names = legalNames(Object.keys(mcpServers))
  return Object.entries(mcpServers).map(([key, entry]) =>
    documentFor(`mcpServers.${key}`, entry, (own) => ({ name: names.get(key), ...documentOf(own) })),
  )
}

/**
 * The documents under `servers`. An entry that does not say its transport is understood like one of a client: one with
 * a `type`, and every one of an editor's file, as it is there; any other with all its fields.
 */
export function documentsOfServers(
  servers: JsonObject,
  { isOfEditor }: { isOfEditor: boolean },
): RegistryDocument[] {
  const names = legalNames(Object.keys(servers))
  return Object.entries(servers).map(([id, entry]) =>
    documentFor(id, entry, (own) => {
      if (isNamed(own)) return own
      const isOfClient = isOfEditor || Object.hasOwn(own, 'type')
      return isOfClient ? { name: names.get(id), ...documentOf(own) } : inferred(own)
    }),
  )
}

/** Server names made of any texts, see `legalName`: two that would get the same one get different ones. */
export function legalNames(texts: readonly string[]): Map<string, string> {
  const together = Map.groupBy(texts, (text) => legalName(text))
  return new Map(
    texts.map((text) => {
      const name = legalName(text)
      const isShared = (together.get(name)?.length ?? 0) > 1
      return [text, isShared && name !== text ? withHash(name, text) : name]
    }),
  )
}

/**
 * A server name made of any text: `GitHub (work)` becomes `github-work`. One of which no letter or digit is left ends
 * in a hash of the text, so that no other comes to the same.
 */
export function legalName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
  if (name === '') return withHash('server', text)
  const started = /^[a-z]/.test(name) ? name : `server-${name}`
  return started.slice(0, MAX_NAME_LENGTH).replace(/-$/, '')
}

function withHash(name: string, text: string): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH)
  return `${name.slice(0, MAX_NAME_LENGTH - HASH_LENGTH - 1).replace(/-$/, '')}-${hash}`
}

function documentFor(id: string, entry: unknown, read: (entry: JsonObject) => JsonObject): RegistryDocument {
  if (!isJsonObject(entry)) return { id, value: entry }
  return guarded<RegistryDocument>(
    () => ({ id, value: read(entry) }),
    (reason) => ({ id, value: entry, problems: [reason], isHidden: true }),
  )
}

/** Whether an entry says itself what it is, or nothing from which that could be inferred. */
function isNamed(entry: JsonObject): boolean {
  const says = (fields: readonly string[]): boolean => fields.some((field) => Object.hasOwn(entry, field))
  return (
    says(['transport', 'templateName']) ||
    !says(['command', 'package', 'url', 'serverUrl', 'httpUrl', 'instances'])
  )
}

/** Nothing is left out: what is not known here is a mistake. */
function inferred(given: JsonObject): JsonObject {
  if (given['package'] !== undefined) return { ...given, transport: 'stdio' }
  if (given['instances'] !== undefined) return { ...given, transport: 'http' }
  const understood = documentOf(given)
  const rest = Object.entries(given).filter(
    ([field, value]) => !(field in understood) && value !== null && !OF_CLIENTS.includes(field),
  )
  return { ...understood, ...Object.fromEntries(rest) }
}

function documentOf(given: JsonObject): JsonObject {
  const entry = usualEntry(given)
  const url = entry['url'] ?? entry['serverUrl'] ?? entry['httpUrl']
  const isStdio =
    url === undefined && (entry['command'] !== undefined || (entry['type'] ?? 'stdio') === 'stdio')
  return {
    ...(isStdio
      ? fieldsOf(entry, ['command', 'args', 'env', 'cwd'])
      : { ...fieldsOf(entry, ['headers']), url }),
    ...fieldsOf(entry, OWN_FIELDS),
    ...fieldsOf(entry, Object.keys(entry).filter(isMistypedRule)),
    ...toolsOf(entry),
    ...enabledOf(entry['disabled']),
    transport: isStdio ? 'stdio' : transportOf(entry),
  }
}

/**
 * A rule for who may use the server that is left out would open it: what looks like one is for the schema to refuse.
 */
function isMistypedRule(field: string): boolean {
  return !OF_CLIENTS.includes(field) && nearestName(field, RULES) !== undefined
}

/** `streamableHttp` and `streamable_http` are spellings of one transport. */
function transportOf(entry: JsonObject): unknown {
  const type = entry['type'] ?? 'http'
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
