import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonObject } from '../../domain/json/json.ts'
import { SchemaWork, WORK_KEYWORD } from '../../domain/json/schema-work.ts'

/** What is wrong with a value, or nothing. */
export type SchemaErrors = readonly ErrorObject[]

/**
 * Compiles counted schemas (2020-12), and checks values by them: own properties only, in bounded time.
 * `format` has no effect.
 */
export class SchemaCompiler {
  readonly #ajv: Ajv2020
  readonly #work = new SchemaWork()

  /** @param options.allErrors everything that is wrong, not only the first; it may be as much as the value is long */
  constructor(options: { allErrors: boolean; useDefaults?: boolean }) {
    this.#ajv = new Ajv2020({
      allErrors: options.allErrors,
      useDefaults: options.useDefaults ?? false,
      ownProperties: true,
      // A definition that many parts refer to would be compiled into each of them.
      inlineRefs: false,
      // It takes longer than it saves.
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
   * A check of values by a schema from `countedSchema`.
   * @throws Error saying what is wrong with the schema; the check throws `TooMuchWork`, or `RangeError` for a schema that
   * refers to itself without end
   */
  compile(schema: JsonObject): (value: unknown, units?: number) => SchemaErrors {
    let validate: ValidateFunction
    try {
      // The schema itself is a value of the schema of schemas.
      validate = this.#work.within(() => this.#ajv.compile(schema))
    } finally {
      // It would be kept for as long as the compiler.
      this.#ajv.removeSchema(schema)
    }
    return (value, units) => this.#work.within(() => (validate(value) ? [] : (validate.errors ?? [])), units)
  }
}
