import type { Request } from 'express'
import { z } from 'zod'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { problemLine, problemsOf } from '../domain/documents/problems.ts'

/** Any JSON object, as it is. Not a record schema: that would drop members of some names. */
export const anyObject = z
  .custom<JsonObject>(isJsonObject, 'expected an object')
  .meta({ type: 'object', additionalProperties: true })

/** The arguments of a call; `null` means none, as over MCP. */
export const argumentsOrNone = z
  .union([anyObject, z.null()])
  .optional()
  .transform((given) => given ?? {})

/** A whole number of a query, in decimal digits and nothing else. */
export function decimal(min: number, max: number): z.ZodType<number> {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text),
    z
      .custom<number>(
        (value) => typeof value === 'number' && value >= min && value <= max,
        `expected a whole number from ${min} to ${max}`,
      )
      .meta({ type: 'integer', minimum: min, maximum: max }),
  )
}

/** `limit` and `cursor` of every paged list. */
export const pageQuery = {
  limit: decimal(1, 1000).default(100),
  cursor: z.string().min(1).max(1024).optional(),
}

/**
 * The query parameters of a request in the shape that a route declares.
 * @throws GatewayError `invalid_request` with every problem
 */
export function queryOf<T extends z.ZodType>(schema: T, request: Request): z.output<T> {
  return checked(schema, request.query)
}

/** The JSON body of a request in the shape that a route declares. @throws GatewayError `invalid_request` */
export function bodyOf<T extends z.ZodType>(schema: T, request: Request): z.output<T> {
  return checked(schema, (request.body as unknown) ?? {})
}

function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = problemsOf(parsed.error, schema).map(problemLine)
  throw new GatewayError('invalid_request', problems.join('; '), { facts: { problems } })
}
