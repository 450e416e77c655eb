import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

const SCHEMAS = ['inputSchema', 'outputSchema']
const forms = new WeakMap<JsonObject, JsonObject>()

/**
 * A definition as clients up to 2025-11-25 take it: for them a property's schema is an object, where later ones also
 * take `true` and `false`. The same object where nothing has to change.
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
