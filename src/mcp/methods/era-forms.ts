import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

const SCHEMAS = ['inputSchema', 'outputSchema']
const forms = new WeakMap<JsonObject, JsonObject>()
const modernTools = new WeakMap<JsonObject, JsonObject>()

/**
 * Converts a definition for clients up to 2025-11-25, which require an object as the schema of a property where later
 * revisions also allow `true` and `false`. Returns the same object if nothing changes.
 */
export function legacyForm(listed: JsonObject): JsonObject {
  const known = forms.get(listed)
  if (known !== undefined) return known
  const changed = SCHEMAS.flatMap((member) => {
    const schema = listed[member]
    const translated = isJsonObject(schema) ? withObjects(schema) : schema
    return translated === schema ? [] : [[member, translated] as const]
  })
  const form = changed.length === 0 ? listed : { ...listed, ...Object.fromEntries(changed) }
  forms.set(listed, form)
  return form
}

/**
 * Converts the definition of a tool for clients of 2026-07-28, in which `execution` has no place. Returns the same object
 * if nothing changes.
 */
export function modernTool(listed: JsonObject): JsonObject {
  if (!('execution' in listed)) return listed
  const known = modernTools.get(listed)
  if (known !== undefined) return known
  const { execution: _execution, ...form } = listed
  modernTools.set(listed, form)
  return form
}

function withObjects(schema: JsonObject): JsonObject {
  const { properties } = schema
  if (!isJsonObject(properties)) return schema
  const entries = Object.entries(properties)
  if (entries.every(([, property]) => typeof property !== 'boolean')) return schema
  const translated = entries.map(([name, property]): [string, unknown] => [name, asObject(property)])
  return { ...schema, properties: Object.fromEntries(translated) }
}

function asObject(schema: unknown): unknown {
  if (typeof schema !== 'boolean') return schema
  return schema ? {} : { not: {} }
}
