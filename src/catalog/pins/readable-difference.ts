import { canonicalJson, isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'
import { visible } from '../../domain/text/visible.ts'

const MAX_FIELDS = 200
const MAX_LINES = 400
/** Lines, and characters of a line, that are shown around what is different. */
const CONTEXT_LINES = 2
const CONTEXT = 60
const LONG = 160

/** One part of a definition that is different, for a person to read. */
export interface ReadableChange {
  /** Where, as `inputSchema.properties.path`. */
  readonly field: string
  /** Each begins with `-` for what was, `+` for what is, or a blank for what stays around it. */
  readonly lines: readonly string[]
}

/**
 * What is different between two definitions, part by part. Characters that cannot be seen are shown as codes, so that
 * no two texts look the same.
 * @param before undefined for a definition that is new
 */
export function readableDifference(before: JsonObject | undefined, after: JsonObject): ReadableChange[] {
  return [...changes('', before ?? {}, after)].slice(0, MAX_FIELDS)
}

function* changes(field: string, before: unknown, after: unknown): Generator<ReadableChange, void> {
  if (
    canonicalJson(before ?? null) === canonicalJson(after ?? null) &&
    (before === undefined) === (after === undefined)
  )
    return
  if (isJsonObject(before) && isJsonObject(after)) {
    // Texts first, because they are what a model follows.
    for (const name of new Set(['title', 'description', ...Object.keys(before), ...Object.keys(after)]))
      yield* changes(
        field === '' ? visible(name) : `${field}.${visible(name)}`,
        own(before, name),
        own(after, name),
      )
    return
  }
  yield { field, lines: lineDifference(...linesOfBoth(before, after)).slice(0, MAX_LINES) }
}

function own(value: JsonObject, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

/** A text is shown as it reads; where it became something else, both are shown as JSON. */
function linesOfBoth(before: unknown, after: unknown): [string[], string[]] {
  const isText = [before, after].every((value) => value === undefined || typeof value === 'string')
  return [linesOf(before, isText), linesOf(after, isText)]
}

function linesOf(value: unknown, isText: boolean): string[] {
  if (value === undefined) return []
  // Sorted, because the order of members means nothing.
  const text =
    isText && typeof value === 'string' ? value : JSON.stringify(jsonIn(canonicalJson(value)), undefined, 2)
  return text.split('\n').map(visible)
}

/** What is between the lines that both begin and end with. */
function lineDifference(before: readonly string[], after: readonly string[]): string[] {
  const shorter = Math.min(before.length, after.length)
  const start = sharedBy(shorter, (at) => before[at] === after[at])
  const end = sharedBy(shorter - start, (at) => before.at(-1 - at) === after.at(-1 - at))
  const removed = before.slice(start, before.length - end)
  const added = after.slice(start, after.length - end)
  const [less, more] = shortened(removed, added)
  return [
    ...after.slice(Math.max(0, start - CONTEXT_LINES), start).map((line) => `  ${line}`),
    ...less.map((line) => `- ${line}`),
    ...more.map((line) => `+ ${line}`),
    ...after.slice(after.length - end, after.length - end + CONTEXT_LINES).map((line) => `  ${line}`),
  ]
}

/** Of one long line that became another, what is around the difference. */
function shortened(
  removed: readonly string[],
  added: readonly string[],
): [readonly string[], readonly string[]] {
  const [a = '', b = ''] = [removed[0], added[0]]
  if (removed.length !== 1 || added.length !== 1 || Math.max(a.length, b.length) <= LONG)
    return [removed, added]
  const shorter = Math.min(a.length, b.length)
  const start = sharedBy(shorter, (at) => a[at] === b[at])
  const end = sharedBy(shorter - start, (at) => a.at(-1 - at) === b.at(-1 - at))
  const part = (line: string): string => {
    const from = Math.max(0, start - CONTEXT)
    const to = Math.min(line.length, line.length - end + CONTEXT)
    return `${from > 0 ? '…' : ''}${line.slice(from, to)}${to < line.length ? '…' : ''}`
  }
  return [[part(a)], [part(b)]]
}

/** How many of the first `count` are the same. */
function sharedBy(count: number, isSame: (at: number) => boolean): number {
  let shared = 0
  while (shared < count && isSame(shared)) shared += 1
  return shared
}
