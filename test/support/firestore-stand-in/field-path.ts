import type { Document, Fields, Value } from './messages.ts'
import { referenceTo } from './values.ts'

/** The path that stands for the name of a document. */
export const NAME = '__name__'
const SEGMENT = /`((?:[^`\\]|\\.)*)`|[^.`]+/gs

/** What a document has at a path such as ``a.`b.c` ``. */
export function valueAt({ name, fields }: Document, fieldPath: string): Value | undefined {
  return fieldPath === NAME ? referenceTo(name) : memberOf(fields, segmentsOf(fieldPath))
}

/** The fields with the value at a path set, or with undefined removed. */
export function withValueAt(fields: Fields, fieldPath: string, value: Value | undefined): Fields {
  return changed(fields, segmentsOf(fieldPath), value)
}

/** Only what is at the paths. */
export function picked(document: Document, fieldPaths: readonly string[]): Fields {
  return fieldPaths
    .filter((path) => path !== NAME)
    .reduce((fields, path) => withValueAt(fields, path, valueAt(document, path)), {} as Fields)
}

function segmentsOf(fieldPath: string): string[] {
  return [...fieldPath.matchAll(SEGMENT)].map(([bare, quoted]) => quoted?.replace(/\\(.)/gs, '$1') ?? bare)
}

function memberOf(fields: Fields, [first = '', ...rest]: readonly string[]): Value | undefined {
  const value = Object.hasOwn(fields, first) ? fields[first] : undefined
  if (rest.length === 0) return value
  return value?.valueType === 'mapValue' ? memberOf(value.mapValue.fields, rest) : undefined
}

function changed(fields: Fields, [first = '', ...rest]: readonly string[], value: Value | undefined): Fields {
  const { [first]: before, ...others } = fields
  if (rest.length === 0) return value === undefined ? others : { ...fields, [first]: value }
  const isMap = before?.valueType === 'mapValue'
  if (!isMap && value === undefined) return fields
  const inner = changed(isMap ? before.mapValue.fields : {}, rest, value)
  return { ...fields, [first]: { valueType: 'mapValue', mapValue: { fields: inner } } }
}
