import { canonicalJson, isJsonObject, type JsonObject } from './json.ts'

const MAX_FIELDS = 50
const MAX_TEXT = 256

/** One field that is different; absent values were not there. */
type FieldChange = {
  readonly field: string
  readonly before?: unknown
  readonly after?: unknown
}

/** Which fields of a document are different, and what they were and are. */
export interface Difference extends JsonObject {
  readonly fields: readonly FieldChange[]
  /** How many more there are than are listed. */
  readonly more?: number
}

/**
 * The fields in which two documents differ, objects member by member, 50 at most. A value longer than 256 characters of
 * JSON is cut.
 * @param shown the documents as they may be shown; where both look the same, what is compared tells that they differ
 */
export function differenceOf(
  before: JsonObject | undefined,
  after: JsonObject | undefined,
  shown: { readonly before: JsonObject | undefined; readonly after: JsonObject | undefined } = {
    before,
    after,
  },
): Difference {
  const found = [...changes('', { is: before, shown: shown.before }, { is: after, shown: shown.after })]
  const fields = found.slice(0, MAX_FIELDS)
  return { fields, ...(found.length > MAX_FIELDS && { more: found.length - MAX_FIELDS }) }
}

/** A value, and what of it may be shown. */
interface Shown {
  readonly is: unknown
  readonly shown: unknown
}

function* changes(path: string, before: Shown, after: Shown): Generator<FieldChange, void> {
  if (canonicalJson(before.is ?? null) === canonicalJson(after.is ?? null)) return
  const isWhole = path !== '' && !(isJsonObject(before.is) && isJsonObject(after.is))
  if (isWhole) {
    yield changeOf(path, before, after)
    return
  }
  const names = new Set([...namesOf(before.is), ...namesOf(after.is)])
  for (const name of names)
    yield* changes(path === '' ? name : `${path}.${name}`, memberOf(before, name), memberOf(after, name))
}

function changeOf(field: string, before: Shown, after: Shown): FieldChange {
  return {
    field,
    ...(before.is !== undefined && { before: cut(before.shown) }),
    ...(after.is !== undefined && { after: cut(after.shown) }),
  }
}

function namesOf(value: unknown): string[] {
  return isJsonObject(value) ? Object.keys(value) : []
}

function memberOf({ is, shown }: Shown, name: string): Shown {
  return { is: own(is, name), shown: own(shown, name) }
}

function own(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function cut(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length <= MAX_TEXT ? (value ?? null) : `${text.slice(0, MAX_TEXT).toWellFormed()}…`
}
