import type { ErrorObject } from 'ajv/dist/2020.js'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { countedSchema } from '../../domain/json/schema-work.ts'
import { SchemaCompiler, type SchemaErrors } from './schema-compiler.ts'

/** A config with the defaults of its schema, or all its problems. */
type CheckedConfig =
  | { readonly config: JsonObject }
  | { readonly problems: readonly { readonly path: string; readonly text: string }[] }

/** Checks a config without changing it. */
export type ConfigCheck = (config: JsonObject) => CheckedConfig

const MAX_PROBLEMS = 20
const MAX_COMPILED = 500
/** More than a document of a template can have; one that exceeds it is refused. */
const MAX_SCHEMAS = 5000
/** This validator does not check formats, and `$schema` and `$id` are metadata of the schema. */
const WITHOUT_EFFECT = ['$schema', '$id']
/**
 * Keywords that can make a check take unlimited time; only authors that may configure the whole gateway may use them.
 */
const COSTLY = new Set(['pattern', 'patternProperties', '$ref', '$dynamicRef'])

/** Compiling takes milliseconds, and the same schemas occur again at every change of the registry. */
const compiled = new Map<string, ConfigCheck>()

/**
 * Compiles a JSON Schema (2020-12) for an object into a check. Unknown fields are refused unless the schema allows
 * them; `format` has no effect.
 * @throws Error whose message states the problem of the schema
 */
export function compileConfigSchema(schema: JsonObject): ConfigCheck {
  const key = canonicalJson(schema)
  const known = compiled.get(key)
  if (known !== undefined) return known
  const check = compile(schema)
  const [oldest] = compiled.keys()
  if (oldest !== undefined && compiled.size >= MAX_COMPILED) compiled.delete(oldest)
  compiled.set(key, check)
  return check
}

/** The first keyword of a schema that only a schema of the platform may have; undefined if there is none. */
export function costlyKeyword(schema: unknown): string | undefined {
  if (Array.isArray(schema)) return firstOf(schema)
  if (!isJsonObject(schema)) return undefined
  return Object.keys(schema).find((keyword) => COSTLY.has(keyword)) ?? firstOf(Object.values(schema))
}

function firstOf(members: readonly unknown[]): string | undefined {
  for (const member of members) {
    const found = costlyKeyword(member)
    if (found !== undefined) return found
  }
  return undefined
}

const compiler = new SchemaCompiler({ allErrors: true, useDefaults: true })

function compile(schema: JsonObject): ConfigCheck {
  const own = Object.fromEntries(Object.entries(schema).filter(([field]) => !WITHOUT_EFFECT.includes(field)))
  const isClosed = 'additionalProperties' in own || 'unevaluatedProperties' in own
  const whole = { type: 'object', ...(!isClosed && { unevaluatedProperties: false }), ...own }
  const counted = countedSchema(whole, () => false, MAX_SCHEMAS)
  if (counted === undefined)
    throw new Error('it is too large, or has a reference that does not lead to a schema')
  const errorsOf = compiler.compile(counted)
  return (config) => checked(errorsOf, structuredClone(config))
}

function checked(errorsOf: (config: JsonObject) => SchemaErrors, config: JsonObject): CheckedConfig {
  let errors: SchemaErrors
  try {
    errors = errorsOf(config)
  } catch {
    // A schema with unlimited recursion, or one that takes too long.
    return { problems: [{ path: 'config', text: 'cannot be checked by this schema' }] }
  }
  if (errors.length === 0) return { config }
  return { problems: errors.slice(0, MAX_PROBLEMS).map(problemOf) }
}

function problemOf({ instancePath, message, params }: ErrorObject): { path: string; text: string } {
  const path = `config${instancePath.replaceAll('/', '.')}`
  const unknown: unknown = params['additionalProperty'] ?? params['unevaluatedProperty']
  if (typeof unknown === 'string')
    return { path, text: `unknown field ${JSON.stringify(unknown.slice(0, 64))}` }
  const missing: unknown = params['missingProperty']
  if (typeof missing === 'string') return { path: `${path}.${missing}`, text: 'is required' }
  const allowed: unknown = params['allowedValues']
  const choices = Array.isArray(allowed)
    ? `: ${allowed.map((value) => JSON.stringify(value)).join(', ')}`
    : ''
  return { path, text: `${message ?? 'is wrong'}${choices}` }
}
