import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { VERSION } from '../../config/version.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { problem, type OperationAnswer, type RestOperation } from './operation.ts'

const PROBLEM_TYPE = 'application/problem+json'
const REFUSALS = [400, 401, 403, 404, 429, 500, 503] as const

/** How a document is made. */
export interface DocumentOptions {
  readonly publicUrl: string
  /** Whether answers may have nothing that is not described; tests want that, clients do not. */
  readonly isStrict?: boolean
}

/** The document of the API (OpenAPI 3.1) for some operations. */
export function openapiDocument(
  operations: readonly RestOperation[],
  { publicUrl, isStrict = false }: DocumentOptions,
): JsonObject {
  const paths = Map.groupBy(operations, ({ path }) => path)
  const tags = [...new Set(operations.map(({ tag }) => tag))]
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tool Gateway',
      version: VERSION,
      description:
        'One authenticated, filtered, audited endpoint in front of many MCP servers, for many tenants.',
      contact: { name: 'The operator of this gateway' },
    },
    servers: [{ url: publicUrl }],
    tags: tags.map((name) => ({ name, description: `Operations of ${name.toLowerCase()}` })),
    security: [{ bearer: [] }],
    paths: Object.fromEntries(
      [...paths].map(([path, all]) => [
        path,
        Object.fromEntries(all.map((operation) => [operation.method, operationObject(operation, isStrict)])),
      ]),
    ),
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token of a trusted issuer (RFC6750, RFC8725)',
        },
      },
      schemas: { Problem: schemaOf(problem, 'output', isStrict) },
      responses: Object.fromEntries(REFUSALS.map((status) => [`Problem${status}`, refusal(status)])),
    },
  }
}

/** The JSON Schema of a zod schema; of answers without a say about what is not described. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', isStrict = false): JsonObject {
  const made: unknown = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // The pattern says the same as the format, at length.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
      if (io === 'output' && !isStrict && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties
    },
  })
  const { $schema: _dialect, ...rest } = isJsonObject(made) ? made : {}
  return rest
}

function operationObject(operation: RestOperation, isStrict: boolean): JsonObject {
  const { id, tag, summary, body, answers } = operation
  const own = Object.entries(answers).map(
    ([status, answer]) => [status, responseObject(answer, isStrict)] as const,
  )
  const refusals = REFUSALS.filter((status) => !(status in answers)).map(
    (status) => [status, { $ref: `#/components/responses/Problem${status}` }] as const,
  )
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: `${summary}.`,
    parameters: parametersOf(operation),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: { ...Object.fromEntries(own), ...Object.fromEntries(refusals) },
  }
}

function responseObject(
  { description, schema, types = [], headers }: OperationAnswer,
  isStrict: boolean,
): JsonObject {
  const content = {
    ...(schema !== undefined && { 'application/json': { schema: schemaOf(schema, 'output', isStrict) } }),
    ...Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }])),
  }
  return {
    description,
    ...(headers !== undefined && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [
          name,
          { description: text, schema: { type: 'string' } },
        ]),
      ),
    }),
    ...(Object.keys(content).length > 0 && { content }),
  }
}

function refusal(status: number): JsonObject {
  return {
    description: STATUS_CODES[status] ?? 'A problem',
    ...((status === 429 || status === 503) && {
      headers: { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } } },
    }),
    content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

function parametersOf({ path, query, headers = {} }: RestOperation): JsonObject[] {
  const inPath = [...path.matchAll(/\{(\w{1,40})\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return [...inPath, ...(query === undefined ? [] : queryParameters(query)), ...headerParameters(headers)]
}

function queryParameters(query: z.ZodObject): JsonObject[] {
  const { properties, required } = schemaOf(query, 'input')
  const names = Array.isArray(required) ? required : []
  return Object.entries(isJsonObject(properties) ? properties : {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: names.includes(name),
    schema,
  }))
}

function headerParameters(headers: Readonly<Record<string, string>>): JsonObject[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }))
}
