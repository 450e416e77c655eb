import { z } from 'zod'

/** One kind of answer of an operation. */
export interface OperationAnswer {
  readonly description: string
  /** Absent where the answer has no body, or one of another type. */
  readonly schema?: z.ZodType
  /** Other types than JSON that the answer may have. */
  readonly types?: readonly string[]
  /** Names of headers, each with what it says. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One operation of the REST API: what routes check is described with the same schemas. */
export interface RestOperation {
  /** Unique; clients that are generated have a function of that name. */
  readonly id: string
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** With parameters in braces. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** Request headers, each with what it does. */
  readonly headers?: Readonly<Record<string, string>>
  /** By HTTP status. Every operation may also answer with problem details. */
  readonly answers: Readonly<Record<number, OperationAnswer>>
}

/** An answer with JSON. */
export function json(schema: z.ZodType, description = 'Done'): OperationAnswer {
  return { description, schema }
}

/** Any JSON object: what servers and clients say among themselves. */
export const anything = z.record(z.string(), z.unknown())

/** What problem details have. */
export const problem = z.looseObject({
  type: z.string().describe('The page that explains the code'),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  retryable: z.boolean(),
  requestId: z.string().optional(),
})

/** How to get the page after the last one. */
export const nextCursor = z.string().optional().describe('The `cursor` of the next page')
