import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** How a value is entered. */
export type FieldKind =
  'text' | 'long' | 'integer' | 'number' | 'boolean' | 'choice' | 'lines' | 'json' | 'group'

/** A value that a schema asks for, as a form has it. */
export interface Field {
  readonly kind: FieldKind
  /** Of the value in the arguments: names from the outermost to its own. */
  readonly path: readonly string[]
  readonly title: string
  readonly description: string | undefined
  readonly isRequired: boolean
  /** What stands there at first, as text; of a choice its number. */
  readonly initial: string
  /** Of a choice. */
  readonly choices: readonly unknown[]
  /** What the schema says of the value: bounds, lengths, format. */
  readonly schema: JsonObject
  /** Of a group. */
  readonly fields: readonly Field[]
}

const MAX_DEPTH = 3
const MAX_FIELDS = 100
const LONG_NAMES = /content|text|body|prompt|message|thought|markdown|code|sql|html|script/i

/**
 * The fields of a form for the arguments of a tool. What a form cannot express (alternatives, lists of objects, free
 * objects) is one field for JSON. Schemas of third parties are walked to a bounded depth and number of fields.
 */
export function fieldsOf(inputSchema: unknown): readonly Field[] {
  const root = isJsonObject(inputSchema) ? inputSchema : {}
  return membersOf(resolved(root, root), root, [])
}

/** The name of a field in a form. */
export function fieldName({ path }: Pick<Field, 'path'>): string {
  return `arg/${path.map(encodeURIComponent).join('/')}`
}

function membersOf(schema: JsonObject, root: JsonObject, path: readonly string[]): readonly Field[] {
  const { properties, required } = schema
  if (!isJsonObject(properties)) return []
  const needed = new Set(Array.isArray(required) ? required : [])
  return Object.entries(properties)
    .slice(0, MAX_FIELDS)
    .map(([name, member]) =>
      fieldOf(resolved(member, root), root, { path: [...path, name], isRequired: needed.has(name) }),
    )
}

function fieldOf(
  schema: JsonObject,
  root: JsonObject,
  { path, isRequired }: Pick<Field, 'path' | 'isRequired'>,
): Field {
  const name = path.at(-1) ?? ''
  const choices = choicesOf(schema)
  const kind = choices.length > 0 ? 'choice' : kindOf(schema, name, path.length)
  return {
    kind,
    path,
    title: typeof schema['title'] === 'string' ? schema['title'] : name,
    description: typeof schema['description'] === 'string' ? schema['description'] : undefined,
    isRequired,
    initial: initialOf(schema, kind, choices),
    choices,
    schema,
    fields: kind === 'group' ? membersOf(schema, root, path) : [],
  }
}

function kindOf(schema: JsonObject, name: string, depth: number): FieldKind {
  const type = typeOf(schema)
  if (type === 'integer' || type === 'number' || type === 'boolean') return type
  if (type === 'string') return LONG_NAMES.test(name) && schema['format'] === undefined ? 'long' : 'text'
  if (type === 'array') return isListOfLines(schema) ? 'lines' : 'json'
  return type === 'object' && depth < MAX_DEPTH && hasMembers(schema) ? 'group' : 'json'
}

function isListOfLines({ items }: JsonObject): boolean {
  return isJsonObject(items) && ['string', 'number', 'integer'].includes(typeOf(items) ?? '')
}

function hasMembers({ properties }: JsonObject): boolean {
  return isJsonObject(properties) && Object.keys(properties).length > 0
}

/** The type of a value, also where it may be null in addition; undefined for alternatives. */
export function typeOf({ type }: JsonObject): string | undefined {
  if (typeof type === 'string') return type
  const types = Array.isArray(type) ? type.filter((each) => each !== 'null') : []
  return types.length === 1 && typeof types[0] === 'string' ? types[0] : undefined
}

function choicesOf(schema: JsonObject): readonly unknown[] {
  if ('const' in schema) return [schema['const']]
  return Array.isArray(schema['enum']) ? schema['enum'].slice(0, MAX_FIELDS) : []
}

function initialOf(schema: JsonObject, kind: FieldKind, choices: readonly unknown[]): string {
  const { default: initial } = schema
  if (initial === undefined || kind === 'group') return ''
  if (kind === 'choice') return choices.includes(initial) ? String(choices.indexOf(initial)) : ''
  if (kind === 'lines' && Array.isArray(initial)) return initial.map(String).join('\n')
  return typeof initial === 'string' && kind !== 'json' ? initial : JSON.stringify(initial, undefined, 2)
}

/** The schema that a `$ref` into the same document leads to, one step only: what refers further is entered as JSON. */
function resolved(schema: unknown, root: JsonObject): JsonObject {
  if (!isJsonObject(schema)) return {}
  const { $ref: reference, ...own } = schema
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return schema
  const target = reference
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => (isJsonObject(at) && Object.hasOwn(at, part) ? at[part] : undefined), root)
  return isJsonObject(target) ? { ...target, ...own } : {}
}
