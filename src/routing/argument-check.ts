import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { mapSchemas } from '../domain/json-schema.ts'

const MAX_SCHEMA_BYTES = 64 * 1024
/** Keywords with regular expressions or names of formats: run in this process they would be a way to stall it. */
const LEFT_TO_THE_SERVER = new Set(['pattern', 'patternProperties', 'format', '$schema', '$id'])

type Check = (value: unknown) => readonly string[]
const checks = new WeakMap<JsonObject, Check>()

/**
 * Checks arguments against a tool's input schema before the call is sent. A schema that cannot be compiled, is
 * very large or refers elsewhere is left to the server, which checks in any case.
 * @throws GatewayError `invalid_arguments` with every problem
 */
export function checkArguments(tool: JsonObject, value: JsonObject): void {
  let check = checks.get(tool)
  if (check === undefined) {
    check = compile(tool['inputSchema'])
    checks.set(tool, check)
  }
  const problems = check(value)
  if (problems.length > 0)
    throw new GatewayError('invalid_arguments', problems.join('; '), { facts: { problems } })
}

function compile(schema: unknown): Check {
  if (!isJsonObject(schema) || JSON.stringify(schema).length > MAX_SCHEMA_BYTES) return () => []
  try {
    const ajv = new Ajv2020({
      allErrors: true,
      strict: false,
      validateFormats: false,
      addUsedSchema: false,
      logger: false,
    })
    const cleaned = mapSchemas(schema, withoutForeignKeywords)
    const validate = ajv.compile(isJsonObject(cleaned) ? cleaned : {})
    return (value) => (validate(value) ? [] : problemsOf(validate))
  } catch {
    return () => []
  }
}

function problemsOf(validate: ValidateFunction): string[] {
  return (validate.errors ?? []).slice(0, 20).map(({ instancePath, message, params }) => {
    const extra = 'additionalProperty' in params ? ` (${String(params['additionalProperty'])})` : ''
    return `arguments${instancePath.replaceAll('/', '.')} ${message ?? 'is wrong'}${extra}`
  })
}

function withoutForeignKeywords(schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !LEFT_TO_THE_SERVER.has(keyword)))
}
