import { z } from 'zod'
import { ACCESS_OPERATIONS } from './access-operations.ts'
import { AUDIT_OPERATIONS } from './audit-operations.ts'
import { APPROVAL_OPERATIONS } from './approval-operations.ts'
import { CALL_OPERATIONS } from './call-operations.ts'
import { CONNECTION_OPERATIONS } from './connection-operations.ts'
import { GRANT_OPERATIONS } from './grant-operations.ts'
import { MANAGEMENT_OPERATIONS } from './management-operations.ts'
import { PIN_OPERATIONS } from './pin-operations.ts'
import { REGISTRY_OPERATIONS } from './registry-operations.ts'
import { anything, json, type RestOperation } from './operation.ts'

const health = z.looseObject({ name: z.string(), state: z.string() })

/** What the document of the API is asked for with. */
export const openapiQuery = z.object({
  expand: z.literal('tools').optional().describe('Adds an operation for each tool of the caller'),
  server: z.string().max(40).optional().describe('With `expand`: only tools of this server'),
})

const HEALTH: readonly RestOperation[] = [
  {
    id: 'health',
    method: 'get',
    path: '/health',
    tag: 'Health',
    summary: 'Show the state of the servers that the caller may see',
    answers: {
      200: json(
        z.object({ status: z.enum(['ok', 'degraded']), servers: z.array(health), enhancer: anything }),
        'All servers are available',
      ),
      503: json(anything, 'A server is unavailable'),
    },
  },
  {
    id: 'serverHealth',
    method: 'get',
    path: '/health/{server}',
    tag: 'Health',
    summary: 'Show the state of a server',
    answers: { 200: json(health, 'It is available'), 503: json(anything, 'It is unavailable') },
  },
  {
    id: 'openapi',
    method: 'get',
    path: '/v1/openapi.json',
    tag: 'Identity',
    summary: 'This document',
    query: openapiQuery,
    answers: {
      200: { ...json(anything, 'OpenAPI 3.1'), headers: { ETag: 'The version of the document' } },
      304: { description: 'The document has the version that `If-None-Match` names' },
    },
  },
]

/** Every operation of the REST API. */
export const OPERATIONS: readonly RestOperation[] = [
  ...CALL_OPERATIONS,
  ...APPROVAL_OPERATIONS,
  ...ACCESS_OPERATIONS,
  ...GRANT_OPERATIONS,
  ...CONNECTION_OPERATIONS,
  ...MANAGEMENT_OPERATIONS,
  ...AUDIT_OPERATIONS,
  ...PIN_OPERATIONS,
  ...REGISTRY_OPERATIONS,
  ...HEALTH,
]

/** Aliases, by the path that they stand for. */
const ALIASES: readonly (readonly [alias: string, path: string])[] = [
  ['/servers', '/v1/servers'],
  ['/ollama/enhance', '/v1/enhance'],
]

/** The paths of operations with their methods, those without parameters first. */
const PATHS = [...Map.groupBy(OPERATIONS, ({ path }) => path)]
  .map(([path, operations]) => ({ segments: path.split('/'), operations }))
  .toSorted((a, b) => parametersIn(a.segments) - parametersIn(b.segments))

/** The operations that a request path may mean; none for a path that no operation has. */
export function operationsAt(path: string): readonly RestOperation[] {
  const segments = withoutAlias(path).split('/')
  return PATHS.find((each) => isAt(each.segments, segments))?.operations ?? []
}

function isAt(template: readonly string[], path: readonly string[]): boolean {
  return (
    template.length === path.length &&
    template.every((part, index) => (part.startsWith('{') ? path[index] !== '' : part === path[index]))
  )
}

function withoutAlias(path: string): string {
  const found = ALIASES.find(([alias]) => path === alias || path.startsWith(`${alias}/`))
  return found === undefined ? path : found[1] + path.slice(found[0].length)
}

function parametersIn(segments: readonly string[]): number {
  return segments.filter((segment) => segment.startsWith('{')).length
}
