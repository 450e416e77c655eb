import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { parseSecretReference } from '../domain/documents/secret-reference.ts'
import { serverDocumentSchema } from '../domain/documents/server-definition.ts'

/** Stands for a value that is not shown. */
const MASK = '********'

/** For `hidden`: the values that a document gives to arguments which callers do not see. */
export const FIXED_ARGUMENTS = 'tools.*.fixed'

/** Fields whose values may be secrets under any name. */
const OF_SECRETS = new Set(['env', 'headers'])
/** Fields of `auth` that are not secret. */
const PUBLIC_AUTH = new Set(['kind', 'per', 'issuer', 'clientId', 'scopes'])
const PARTLY_SECRET = new Set(['auth', 'url', 'instances'])
const KNOWN_FIELDS = new Set([
  ...serverDocumentSchema.options.flatMap(({ shape }) => Object.keys(shape)),
  'templateName',
])

/**
 * A document without its secrets: values of `env` and `headers`, of `auth` but what is public, query values of URLs and
 * all of `config` and of fields that no document has are masked. References (`secret://…`) are shown.
 * @param hidden further fields to mask
 */
export function masked(document: JsonObject, hidden: readonly string[] = []): JsonObject {
  return Object.fromEntries(
    Object.entries(document).map(([field, value]) => [field, maskedField(field, value, hidden)]),
  )
}

/**
 * The document with every masked value replaced by the stored one at the same place. `problems` names the masks
 * without a stored value; `restored` says whether there was any mask.
 */
export function unmasked(
  document: JsonObject,
  stored: JsonObject | undefined,
): { document: JsonObject; problems: string[]; restored: boolean } {
  const problems: string[] = []
  let restored = false
  const shown = stored === undefined ? undefined : masked(stored)
  const walk = (value: unknown, there: unknown, kept: unknown, path: string): unknown => {
    if (typeof value === 'string' && value.includes(MASK)) {
      restored = true
      if (value === there) return kept
      problems.push(`${path}: the value is masked, but no value is stored; enter the value`)
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => walk(item, at(there, index), at(kept, index), `${path}[${index}]`))
    }
    if (!isJsonObject(value)) return value
    const members = Object.entries(value).map(([key, member]): [string, unknown] => [
      key,
      walk(member, at(there, key), at(kept, key), `${path}.${key}`),
    ])
    return Object.fromEntries(members)
  }
  const members = Object.entries(document).map(([field, value]): [string, unknown] => [
    field,
    mayBeMasked(field) ? walk(value, shown?.[field], stored?.[field], field) : value,
  ])
  return { document: Object.fromEntries(members), problems, restored }
}

/** Elsewhere asterisks are text like any other. */
function mayBeMasked(field: string): boolean {
  return OF_SECRETS.has(field) || PARTLY_SECRET.has(field) || !KNOWN_FIELDS.has(field)
}

function maskedField(field: string, value: unknown, hidden: readonly string[]): unknown {
  if (OF_SECRETS.has(field) || hidden.includes(field) || !KNOWN_FIELDS.has(field)) return maskAll(value)
  if (field === 'url') return maskedUrl(value)
  if (field === 'tools' && hidden.includes(FIXED_ARGUMENTS)) return withFixedMasked(value)
  if (field === 'auth' && isJsonObject(value)) {
    const shown = Object.entries(value).filter(([name]) => PUBLIC_AUTH.has(name))
    return { ...asObject(maskAll(value)), ...Object.fromEntries(shown) }
  }
  if (field === 'instances' && Array.isArray(value)) {
    return value.map((instance: unknown) =>
      isJsonObject(instance) ? { ...instance, url: maskedUrl(instance['url']) } : maskAll(instance),
    )
  }
  return value
}

function withFixedMasked(tools: unknown): unknown {
  const masks = Object.entries(asObject(tools)).map(([name, tool]) => [
    name,
    isJsonObject(tool) && 'fixed' in tool ? { ...tool, fixed: maskAll(tool['fixed']) } : tool,
  ])
  return isJsonObject(tools) ? Object.fromEntries(masks) : tools
}

function maskAll(value: unknown): unknown {
  if (value === null || value === undefined) return value
  if (typeof value === 'string' && parseSecretReference(value) !== undefined) return value
  if (Array.isArray(value)) return value.map(maskAll)
  if (!isJsonObject(value)) return MASK
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, maskAll(member)]))
}

/** Keys of APIs are passed in queries too. */
function maskedUrl(value: unknown): unknown {
  if (typeof value !== 'string') return maskAll(value)
  const [base = '', query] = value.split(/\?(.*)/s)
  if (base.includes('@')) return MASK
  return query === undefined ? value : `${base}?${query.replace(/(^|&)([^=&]*)=[^&]+/g, `$1$2=${MASK}`)}`
}

function at(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? (value[key] as unknown) : undefined
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
