import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { excessOf, REQUEST_LIMITS } from '../../domain/json/json-scan.ts'
import { type Field, type FieldKind, fieldName, typeOf } from './schema-fields.ts'

/** The arguments that a form was filled in with, and what could not be read. */
export interface FilledIn {
  readonly arguments: JsonObject
  /** By the name of the field. */
  readonly problems: ReadonlyMap<string, string>
}

/**
 * Reads the arguments that were entered into the fields of a form. Empty fields are left out, unless they are texts
 * that are required. Whether the values fit the schema is for the call to say.
 */
export function argumentsOf(fields: readonly Field[], form: URLSearchParams): FilledIn {
  const problems = new Map<string, string>()
  return { arguments: valuesOf(fields, form, problems), problems }
}

function valuesOf(
  fields: readonly Field[],
  form: URLSearchParams,
  problems: Map<string, string>,
): JsonObject {
  const entries = fields.flatMap((field): [string, unknown][] => {
    const name = fieldName(field)
    try {
      const value = field.kind === 'group' ? groupOf(field, form, problems) : valueOf(field, form.get(name))
      return value === undefined ? [] : [[field.path.at(-1) ?? '', value]]
    } catch (error) {
      problems.set(name, error instanceof Error ? error.message : String(error))
      return []
    }
  })
  // Not by assignment: a field may have any name.
  return Object.fromEntries(entries)
}

function groupOf(field: Field, form: URLSearchParams, problems: Map<string, string>): JsonObject | undefined {
  const values = valuesOf(field.fields, form, problems)
  return Object.keys(values).length > 0 || field.isRequired ? values : undefined
}

function valueOf(field: Field, entered: string | null): unknown {
  const { kind, isRequired } = field
  if (entered === null) return undefined
  if (kind === 'text' || kind === 'long') {
    const text = entered.replaceAll('\r\n', '\n')
    return text === '' && !isRequired ? undefined : text
  }
  const text = entered.trim()
  return text === '' ? undefined : READERS[kind](text, field)
}

type Reader = (text: string, field: Field) => unknown

const READERS: Readonly<Record<Exclude<FieldKind, 'text' | 'long'>, Reader>> = {
  integer: numberOf,
  number: numberOf,
  boolean: (text) => text === 'true',
  choice: (text, { choices }) => choices[Number(text)],
  lines: (text, { schema }) => linesOf(text, schema),
  json: jsonOf,
  group: () => undefined,
}

function numberOf(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new Error(`${text} is not a number`)
  return value
}

function linesOf(text: string, { items }: JsonObject): unknown[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  return isJsonObject(items) && typeOf(items) === 'string' ? lines : lines.map(numberOf)
}

/** JSON that somebody entered. @throws Error for what is not JSON, or would take too long to read */
export function jsonOf(text: string): unknown {
  const excess = excessOf(Buffer.from(text), REQUEST_LIMITS)
  if (excess !== undefined) throw new Error(`The text ${excess}`)
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('This is not valid JSON')
  }
}
