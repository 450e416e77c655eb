type Schema = Readonly<Record<string, unknown>>

/** Arguments that a tool could take, made from its input schema: one for each property. */
export function plausibleArguments(schema: Schema): Record<string, unknown> {
  return fill(schema, () => true)
}

/** An answer to a form that leaves out what has a default, which is for the client to fill in. */
export function plausibleAnswer(schema: Schema): Record<string, unknown> {
  return fill(schema, (property) => !('default' in property))
}

function fill(schema: Schema, isWanted: (property: Schema) => boolean): Record<string, unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
  return Object.fromEntries(
    properties
      .filter(([, property]) => isWanted(property))
      .map(([name, property]) => [name, value(property)]),
  )
}

function value(schema: Schema): unknown {
  const { type } = schema
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  if (type === 'number' || type === 'integer') return 1
  if (type === 'boolean') return true
  if (type === 'array') return []
  return type === 'object' ? plausibleArguments(schema) : 'text'
}
