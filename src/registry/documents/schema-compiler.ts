import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonObject } from '../../domain/json/json.ts'
import { SchemaWork, WORK_KEYWORD } from '../../domain/json/schema-work.ts'

/** The problems of a value; empty if it is valid. */
export type SchemaErrors = readonly ErrorObject[]

/**
 * Compiles counted schemas (2020-12), and validates values: only own properties, and in limited time. `format` has no
 * effect.
 */
export class SchemaCompiler {
  readonly #ajv: Ajv2020
  readonly #work = new SchemaWork()

  /** @param options.allErrors reports all errors, not only the first; their number can grow with the value */
  constructor(options: { allErrors: boolean; useDefaults?: boolean }) {
    this.#ajv = new Ajv2020({
      allErrors: options.allErrors,
      useDefaults: options.useDefaults ?? false,
      ownProperties: true,
      // Otherwise a definition that many parts refer to would be compiled into each of them.
      inlineRefs: false,
      // Optimising takes longer than it saves.
      code: { optimize: false },
      strict: false,
      validateFormats: false,
      addUsedSchema: false,
      logger: false,
    })
    this.#ajv.removeKeyword('uniqueItems')
    this.#ajv.addKeyword({
      keyword: 'uniqueItems',
      type: 'array',
      schemaType: 'boolean',
      errors: false,
      error: { message: 'must NOT have duplicate items' },
      validate: this.#work.areUnique,
    })
    this.#ajv.addKeyword({
      keyword: WORK_KEYWORD,
      schemaType: 'number',
      errors: false,
      validate: this.#work.apply,
    })
  }

  /**
   * Compiles a schema from `countedSchema` into a check of values.
   * @throws Error whose message states the problem of the schema; the check throws `TooMuchWork`, or `RangeError` for a
   * schema with unlimited recursion
   */
  compile(schema: JsonObject): (value: unknown, units?: number) => SchemaErrors {
    let validate: ValidateFunction
    try {
      // Compiling validates the schema itself against the meta-schema.
      validate = this.#work.within(() => this.#ajv.compile(schema))
    } finally {
      // Otherwise the compiler would keep it as long as it exists.
      this.#ajv.removeSchema(schema)
    }
    return (value, units) => this.#work.within(() => (validate(value) ? [] : (validate.errors ?? [])), units)
  }
}
