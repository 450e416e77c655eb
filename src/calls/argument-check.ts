import { LRUCache } from 'lru-cache'
import { digestOf } from '../cache/digest.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { countedSchema } from '../domain/json/schema-work.ts'
import { SchemaCompiler, type SchemaErrors } from '../registry/documents/schema-compiler.ts'

const MAX_SCHEMA_BYTES = 64 * 1024
const MAX_PROBLEMS = 20
/** Work limit for collecting all problems, each of which takes memory; beyond it only the first problem is reported. */
const WORK_FOR_ALL = 20_000
/** Keywords with regular expressions or format names: evaluating them in this process could block its event loop. */
const LEFT_TO_THE_SERVER = new Set(['pattern', 'patternProperties', 'format', '$schema', '$id'])

type Check = (value: unknown) => readonly string[]
const checks = new WeakMap<JsonObject, Check>()
/** Equal schemas occur in several definitions: those for other callers, and those of each later discovery. */
const ofSchemas = new LRUCache<string, Check>({ max: 500 })

const first = new SchemaCompiler({ allErrors: false })
const all = new SchemaCompiler({ allErrors: true })

/**
 * Checks arguments against a tool's input schema before the call is sent. What cannot be decided here within the work
 * limit is not checked, because the server checks the arguments anyway: a schema that cannot be compiled, is large or
 * has external references, and a value that takes too long.
 * @throws GatewayError `invalid_arguments` with at most 20 problems
 */
export function checkArguments(tool: JsonObject, value: JsonObject): void {
  let check = checks.get(tool)
  if (check === undefined) {
    check = checkOf(tool['inputSchema'])
    checks.set(tool, check)
  }
  const problems = check(value)
  if (problems.length > 0)
    throw new GatewayError('invalid_arguments', problems.join('; '), { facts: { problems } })
}

function checkOf(schema: unknown): Check {
  const text = isJsonObject(schema) ? JSON.stringify(schema) : undefined
  if (!isJsonObject(schema) || text === undefined || text.length > MAX_SCHEMA_BYTES) return leftToTheServer
  const key = digestOf(text)
  const known = ofSchemas.get(key) ?? compiled(schema)
  ofSchemas.set(key, known)
  return known
}

function leftToTheServer(): readonly string[] {
  return []
}

function compiled(schema: JsonObject): Check {
  try {
    const counted = countedSchema(schema, (keyword) => LEFT_TO_THE_SERVER.has(keyword))
    if (counted === undefined) return leftToTheServer
    const firstOf = first.compile(counted)
    let allOf: typeof firstOf | undefined
    return (value) => {
      const found = errorsOf(() => firstOf(value))
      if (found.length === 0) return []
      const every = errorsOf(() => (allOf ??= all.compile(counted))(value, WORK_FOR_ALL))
      return problemsOf(every.length > 0 ? every : found)
    }
  } catch {
    return leftToTheServer
  }
}

/** Empty when the problems cannot be determined within the work limit. */
function errorsOf(check: () => SchemaErrors): SchemaErrors {
  try {
    return check()
  } catch {
    return []
  }
}

function problemsOf(errors: SchemaErrors): string[] {
  return errors.slice(0, MAX_PROBLEMS).map(({ instancePath, message, params }) => {
    const extra = 'additionalProperty' in params ? ` (${String(params['additionalProperty'])})` : ''
    return `arguments${instancePath.replaceAll('/', '.')} ${message ?? 'is wrong'}${extra}`
  })
}
