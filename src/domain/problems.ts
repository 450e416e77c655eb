import type { z } from 'zod'

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
const LEGAL_FIELD = /^[A-Za-z0-9_.$*:@/-]{1,128}$/

/** Every problem that a schema found, readable: unions name what their members expect, unknown fields are named. */
export function problemsOf(error: { readonly issues: readonly Issue[] }): Problem[] {
  return problemsOfIssues(error.issues, [])
}

/** A problem as one line: `pool.max: expected number to be >=1`. */
export function problemLine(problem: Problem): string {
  return problem.path === '' ? problem.text : `${problem.path}: ${problem.text}`
}

/** `a`, `a or b`, `a, b or c`. */
export function anyOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

function problemsOfIssues(issues: readonly Issue[], prefix: Path): Problem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, [...prefix, ...issue.path]))
}

function problemsOfIssue(issue: Issue, path: Path): Problem[] {
  const where = pathText(path)
  if (issue.code === 'invalid_union') return problemsOfUnion(issue, path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: where, text: `unknown field ${quoted(key)}` }))
  }
  if (issue.code === 'invalid_key') {
    const parent = pathText(path.slice(0, -1))
    return issue.issues.map((inner) => ({ path: parent, text: `a name is ${textOf(inner)}` }))
  }
  return [{ path: where, text: textOf(issue) }]
}

function problemsOfUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path): Problem[] {
  if (issue.errors.length === 0) {
    const options: unknown = Reflect.get(issue, 'options')
    return [
      { path: pathText(path), text: `expected ${anyOf(Array.isArray(options) ? options.map(String) : [])}` },
    ]
  }
  const near = issue.errors.filter((issues) => !issues.some(isAboutTheWhole))
  if (near.length > 0) return problemsOfIssues(near[0] ?? [], path)
  const expected = issue.errors.flatMap((issues) => issues.filter(isAboutTheWhole).map(expectedBy))
  return [{ path: pathText(path), text: `expected ${anyOf([...new Set(expected)])}` }]
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
