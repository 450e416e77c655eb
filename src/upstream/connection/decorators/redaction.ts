import { messageOf } from '../../../domain/errors/errors.ts'
import { isJsonObject } from '../../../domain/json/json.ts'

/** What stands in place of a secret. */
export const REDACTED = '***'
/** Shorter values written in a document are not treated as secrets, because replacing them would garble texts. */
const SHORTEST_LITERAL = 6
const MAX_CAUSES = 8

/** Removes secrets from a text. */
export type Redact = (text: string) => string

/**
 * Makes a function that removes secrets in every form: literally, line by line, and encoded in JSON, in URLs and in
 * base64.
 * @param options.secrets values of any length that a document only names
 * @param options.literals values written in a document, for texts that only operators see
 */
export function redactor(options: { secrets: readonly string[]; literals?: readonly string[] }): Redact {
  const { secrets, literals = [] } = options
  const long = literals.filter((value) => value.length >= SHORTEST_LITERAL)
  const forms = secretForms([...secrets, ...long])
  if (forms.size === 0) return (text) => text
  const longestFirst = [...forms].toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp(longestFirst.map(escaped).join('|'), 'g')
  return (text) => text.replace(pattern, REDACTED)
}

/** An error with the same message without secrets, and without its other properties; the same for its causes. */
export function redactedError(error: unknown, redact: Redact, depth = 0): Error {
  const fields = isJsonObject(error) ? error : {}
  const { name, code, status, stack, cause } = fields
  const copy = new Error(redact(messageOf(error)))
  if (typeof name === 'string') copy.name = name
  if (typeof stack === 'string') copy.stack = redact(stack)
  if (typeof code === 'string' || typeof code === 'number') Object.assign(copy, { code })
  if (typeof status === 'number') Object.assign(copy, { status })
  if (cause !== undefined && depth < MAX_CAUSES) copy.cause = redactedError(cause, redact, depth + 1)
  return copy
}

/** A JSON value without secrets, including the names of members. */
export function redactedJson(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item: unknown) => redactedJson(item, redact))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [redact(name), redactedJson(member, redact)]),
  )
}

/** Each form in which a secret may stand in a text: as it is, line by line, and encoded in JSON, in URLs and in base64. */
export function secretForms(secrets: readonly string[]): Set<string> {
  return new Set(secrets.flatMap(formsOf).filter((form) => form !== ''))
}

function formsOf(value: string): string[] {
  const lines = value.split(/[\r\n]+/).filter((line) => line.length >= SHORTEST_LITERAL)
  const base64 = Buffer.from(value)
    .toString('base64')
    .replace(/={1,2}$/, '')
  return [value, ...lines, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), base64]
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}
