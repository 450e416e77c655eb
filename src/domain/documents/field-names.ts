import { editDistance } from '../text/edit-distance.ts'
import { isJsonObject } from '../json/json.ts'

const WRAPPERS = new Set(['optional', 'default', 'prefault', 'nullable', 'readonly'])
const MAX_NAME = 64
/** What other programs call such a field. */
const ALSO_CALLED: Readonly<Record<string, string>> = {
  cmd: 'command',
  environment: 'env',
  type: 'transport',
  agents: 'agentAllowlist',
  allowedroles: 'requiredRoles',
  disabled: 'enabled',
}
/** Each is compared with every known name. */
const MAX_UNKNOWN = 100

/** The fields that a schema has at a path, over all its alternatives. */
export function fieldsAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  const there = path.reduce<unknown[]>(
    (schemas, segment) => schemas.flatMap(alternatives).flatMap((each) => memberOf(each, segment)),
    [schema],
  )
  const shapes = there.flatMap(alternatives).map((each) => defOf(each)['shape'])
  return [...new Set(shapes.flatMap((shape) => (isJsonObject(shape) ? Object.keys(shape) : [])))]
}

/** The name that was probably meant by one that is not known; undefined where none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_NAME || known.includes(name)) return undefined
  const wanted = name.toLowerCase()
  const other = Object.hasOwn(ALSO_CALLED, wanted) ? ALSO_CALLED[wanted] : undefined
  if (other !== undefined && known.includes(other)) return other
  const most = name.length < 2 ? 0 : name.length < 6 ? 1 : 2
  const near = known
    .map((each) => ({ each, distance: editDistance(wanted, each.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .toSorted((a, b) => a.distance - b.distance)[0]?.each
  return near ?? (name.length < 4 ? undefined : known.find((each) => each.toLowerCase().includes(wanted)))
}

/**
 * The known names that the unknown ones of a value were probably meant for; all of them, if there are more unknown names
 * than are looked at.
 */
export function misspelledFields(value: object, known: readonly string[]): readonly string[] {
  const unknown = Object.keys(value).filter((name) => !known.includes(name))
  return unknown.length > MAX_UNKNOWN ? known : unknown.flatMap((name) => nearestName(name, known) ?? [])
}

function alternatives(schema: unknown): unknown[] {
  const def = defOf(schema)
  const type = String(def['type'])
  if (WRAPPERS.has(type)) return alternatives(def['innerType'])
  if (type === 'pipe') return [def['in'], def['out']].flatMap(alternatives)
  const { options } = def
  return type === 'union' && Array.isArray(options) ? options.flatMap(alternatives) : [schema]
}

function memberOf(schema: unknown, segment: PropertyKey): unknown[] {
  const { shape, valueType, element } = defOf(schema)
  const name = String(segment)
  if (isJsonObject(shape)) return Object.hasOwn(shape, name) ? [shape[name]] : []
  return [valueType, element].filter((member) => member !== undefined)
}

function defOf(schema: unknown): Readonly<Record<string, unknown>> {
  const def: unknown = isJsonObject(schema) ? schema['def'] : undefined
  return isJsonObject(def) ? def : {}
}
