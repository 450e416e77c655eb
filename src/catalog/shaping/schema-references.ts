import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { mapSchemas } from '../../domain/json/json-schema.ts'

/** A reference to an argument's schema, or into it, as schema generators write them for repeated types. */
const TO_ARGUMENT = /^#\/properties\/([^/]+)(.*)$/s

/**
 * The schema of arguments with its references adapted to the changed arguments. The schema of a removed argument that
 * is still referenced is kept under `$defs`.
 */
export function withReferences(
  schema: JsonObject,
  { names, gone }: { readonly names: ReadonlyMap<string, string>; readonly gone: ReadonlySet<string> },
): JsonObject {
  const kept = new Map<string, string>()
  const moved = (reference: string): string => {
    const [, token = '', rest = ''] = TO_ARGUMENT.exec(reference) ?? []
    const own = nameOf(token)
    const name = names.get(own)
    if (gone.has(own)) {
      const place = kept.get(own) ?? freePlace(own, schema['$defs'])
      kept.set(own, place)
      return `#/$defs/${tokenOf(place)}${rest}`
    }
    return name === undefined ? reference : `#/properties/${tokenOf(name)}${rest}`
  }
  const mapped = mapSchemas(schema, (each) => {
    const { $ref: reference } = each
    const target = typeof reference === 'string' ? moved(reference) : reference
    return target === reference ? each : { ...each, $ref: target }
  })
  if (!isJsonObject(mapped) || kept.size === 0) return isJsonObject(mapped) ? mapped : schema
  const properties = new Map(Object.entries(asObject(mapped['properties'])))
  const definitions = [...kept].map(
    ([own, place]) => [place, mapSchemas(properties.get(own) ?? {}, withoutHeader)] as const,
  )
  return { ...mapped, $defs: { ...asObject(mapped['$defs']), ...Object.fromEntries(definitions) } }
}

/** The annotation is valid only at an argument itself (MCP 2026-07-28, custom headers from tool parameters). */
function withoutHeader({ 'x-mcp-header': _header, ...schema }: JsonObject): JsonObject {
  return schema
}

function freePlace(name: string, definitions: unknown): string {
  return Object.hasOwn(asObject(definitions), name) ? freePlace(`${name}_`, definitions) : name
}

/** The name in a JSON pointer in a URI fragment (RFC 6901 §6). */
function nameOf(token: string): string {
  try {
    return decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return token
  }
}

function tokenOf(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
