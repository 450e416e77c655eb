import type { z } from 'zod'
import { fieldsAt, nearestName } from './field-names.ts'

/** Of the unknown fields of a value: each name is compared with all that are known. */
const MAX_COMPARED = 100

/** One thing that is wrong with a value. Never holds any part of the value but legal names of its fields. */
export interface Problem {
  /** Where, as in `pool.max` or `instances[0].url`; empty for the value as a whole. */
  readonly path: string
  /** What is expected there, as half a sentence. */
  readonly text: string
}

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

const PREFIX = /^(Invalid input|Invalid string|Invalid option|Too small|Too big): /
/** A regular expression explains nothing to most readers. */
const PATTERN = /must match pattern/
const LEGAL_FIELD = /^[A-Za-z0-9_.$*:@/-]{1,128}$/

/**
 * Every problem that a schema found, readable: unions name what their members expect, unknown fields are named.
 * @param schema the one that found them: it says which field was probably meant by an unknown one
 */
export function problemsOf(error: { readonly issues: readonly Issue[] }, schema?: z.ZodType): Problem[] {
  return problemsOfIssues(error.issues, { path: [], schema, unknown: new UnknownFields() })
}

/** A problem as one line: `pool.max: expected number to be >=1`. */
export function problemLine(problem: Problem): string {
  return problem.path === '' ? problem.text : `${problem.path}: ${problem.text}`
}

/** `a`, `a or b`, `a, b or c`. */
export function anyOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

interface Place {
  readonly path: Path
  readonly schema: z.ZodType | undefined
  /** Of the whole value. */
  readonly unknown: UnknownFields
}

function problemsOfIssues(issues: readonly Issue[], place: Place): Problem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, { ...place, path: [...place.path, ...issue.path] }))
}

function problemsOfIssue(issue: Issue, place: Place): Problem[] {
  const { path, schema, unknown } = place
  const where = pathText(path)
  if (issue.code === 'invalid_union') return problemsOfUnion(issue, place)
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, path)
    return issue.keys.map((key) => ({ path: where, text: unknown.textOf(key, known) }))
  }
  if (issue.code === 'invalid_key') {
    const parent = pathText(path.slice(0, -1))
    return issue.issues.map((inner) => ({ path: parent, text: `a name is ${textOf(inner)}` }))
  }
  return [{ path: where, text: textOf(issue) }]
}

/** Says of fields of one value that they are not known, and of the first hundred which known one was probably meant. */
export class UnknownFields {
  #compared = 0

  textOf(name: string, known: readonly string[]): string {
    this.#compared += 1
    const near = this.#compared > MAX_COMPARED ? undefined : nearestName(name, known)
    return `unknown field ${quoted(name)}${near === undefined ? '' : `, did you mean "${near}"?`}`
  }
}

function problemsOfUnion(issue: z.core.$ZodIssueInvalidUnion, place: Place): Problem[] {
  const { path } = place
  if (issue.errors.length === 0) {
    const options: unknown = Reflect.get(issue, 'options')
    return [
      { path: pathText(path), text: `expected ${anyOf(Array.isArray(options) ? options.map(String) : [])}` },
    ]
  }
  const near = issue.errors.filter((issues) => !issues.some(isAboutTheWhole))
  if (near.length > 0) return problemsOfIssues(near[0] ?? [], place)
  const whole = issue.errors.flatMap((issues) => issues.filter(isAboutTheWhole))
  const missing = whole.some(({ message }) => message.endsWith('received undefined')) ? 'missing, ' : ''
  const expected = anyOf([...new Set(whole.map(expectedBy))])
  return [{ path: pathText(path), text: `${missing}expected ${expected}` }]
}

/** Whether a member of a union was not meant at all: the value is of another type. */
function isAboutTheWhole(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
}

function expectedBy(issue: Issue): string {
  if (issue.code === 'invalid_value') return anyOf(issue.values.map((value) => JSON.stringify(value)))
  return issue.code === 'invalid_type' ? typeName(issue.expected) : textOf(issue)
}

function textOf(issue: Issue): string {
  if (issue.code === 'invalid_value') return `expected ${expectedBy(issue)}`
  if (issue.code === 'invalid_format' && PATTERN.test(issue.message)) return 'not in the expected form'
  if (issue.code !== 'invalid_type') return issue.message.replace(PREFIX, '')
  const received = /received (\w+)$/.exec(issue.message)?.[1]
  if (received === undefined) return `expected ${expectedBy(issue)}`
  return received === 'undefined'
    ? `missing, expected ${expectedBy(issue)}`
    : `expected ${expectedBy(issue)}, received ${received}`
}

function typeName(name: string): string {
  if (name === 'int') return 'integer'
  return name === 'record' ? 'object' : name
}

/** A name that cannot be a field (say, `KEY=secret` written as a name) is not repeated. */
function pathText(path: Path): string {
  return path
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`
      const name = String(segment)
      return `${index === 0 ? '' : '.'}${LEGAL_FIELD.test(name) ? name : '?'}`
    })
    .join('')
}

function quoted(name: string): string {
  return LEGAL_FIELD.test(name) ? `"${name}"` : 'with an illegal name'
}
