import { z } from 'zod'
import { cachesQuery } from '../management/caches.ts'
import { tenantQuery } from '../management/managed-server.ts'
import { installBody } from '../management/server-install.ts'
import { logsQuery } from '../management/server-logs.ts'
import { tenantAnswer } from '../management/tenant.ts'
import { anyObject } from '../query.ts'
import { anything, json, type OperationAnswer, type RestOperation } from './operation.ts'

const ETAG = { ETag: 'The version of the document' }
const MATCH = { 'If-Match': 'The `ETag` of the version that the write is meant for' }

const instance = z.looseObject({ id: z.string(), state: z.string() })
const runtime = {
  state: z.string().describe('`pending`: written, and not in force yet'),
  reason: z.string().optional(),
  since: z.iso.datetime().optional(),
  breaker: z.string().optional(),
  instances: z.array(instance).optional(),
  tools: z.int().optional(),
  resources: z.int().optional(),
  prompts: z.int().optional(),
  problems: z.array(z.string()).optional(),
  warnings: z.array(z.string()).optional(),
}
const key = { name: z.string(), tenantId: z.string() }
const managed = z.object({ ...key, ...runtime, quarantined: z.string().optional() })
const stored = managed.extend({ etag: z.string().optional(), document: anything })
const listed = z.object({
  ...key,
  transport: z.string(),
  enabled: z.boolean(),
  description: z.string().optional(),
  requiredRoles: z.unknown().optional(),
  ...runtime,
})
const quarantined = z.object({
  id: z.string(),
  name: z.string(),
  tenantId: z.string().optional(),
  reason: z.string(),
  lastGoodServes: z.boolean(),
})
const logLine = z.object({
  number: z.int(),
  at: z.iso.datetime(),
  pid: z.int().nullish(),
  by: z.string(),
  text: z.string(),
})
const inspection = z.looseObject({
  ...key,
  isOk: z.boolean(),
  step: z.string(),
  error: z.string().optional(),
  durationMs: z.number(),
  transcript: z.array(z.looseObject({ atMs: z.number(), what: z.string(), text: z.string() })),
  output: z.array(z.looseObject({ text: z.string() })),
})
const installed = managed.extend({ package: z.string(), version: z.string(), wasThere: z.boolean() })

const document: OperationAnswer = { ...json(stored, 'The document, without secrets'), headers: ETAG }

function server(
  operation: Pick<RestOperation, 'id' | 'method' | 'summary' | 'answers'> & Partial<RestOperation>,
  rest = '',
): RestOperation {
  return { path: `/v1/servers/{name}${rest}`, tag: 'Servers', query: tenantQuery, ...operation }
}

function action(name: 'start' | 'stop' | 'restart', summary: string): RestOperation {
  const id = `${name}Server`
  return server({ id, method: 'post', summary, answers: { 200: json(managed) } }, `/${name}`)
}

const SERVERS: readonly RestOperation[] = [
  {
    id: 'listServers',
    method: 'get',
    path: '/v1/servers',
    tag: 'Servers',
    summary: 'List the servers of the tenant with their state, and the documents that were refused',
    answers: {
      200: json(
        z.object({ generation: z.int(), servers: z.array(listed), quarantined: z.array(quarantined) }),
      ),
    },
  },
  {
    id: 'createServer',
    method: 'post',
    path: '/v1/servers',
    tag: 'Servers',
    summary: 'Add a server',
    body: anyObject,
    answers: { 201: { ...document, headers: { ...ETAG, Location: 'The address of the document' } } },
  },
  server({ id: 'getServer', method: 'get', summary: 'Show a server', answers: { 200: document } }),
  server({
    id: 'replaceServer',
    method: 'put',
    summary: 'Replace the document of a server',
    headers: MATCH,
    body: anyObject,
    answers: { 200: document },
  }),
  server({
    id: 'removeServer',
    method: 'delete',
    summary: 'Remove a server',
    headers: MATCH,
    answers: { 204: { description: 'Removed' } },
  }),
  action('start', 'Start a server'),
  action('stop', 'Stop a server'),
  action('restart', 'Restart a server'),
  server(
    {
      id: 'inspectServer',
      method: 'post',
      summary: 'Open a separate connection to a server, and report it message by message',
      answers: { 200: json(inspection) },
    },
    '/inspect',
  ),
  server(
    {
      id: 'serverLogs',
      method: 'get',
      summary: 'Show what the processes of a server wrote to standard error',
      query: logsQuery,
      answers: {
        200: {
          ...json(z.object({ lines: z.array(logLine) }), 'The last lines'),
          types: ['text/plain', 'text/event-stream'],
        },
      },
    },
    '/logs',
  ),
  {
    id: 'installServer',
    method: 'post',
    path: '/v1/servers/install',
    tag: 'Servers',
    summary: 'Install an npm package, and add a server that runs it (platform administrators)',
    body: installBody,
    answers: {
      200: { description: 'Progress as events, then the result', types: ['text/event-stream'] },
      201: json(installed, 'Installed'),
    },
  },
]

const pipelineDocument: OperationAnswer = {
  ...json(
    z.looseObject({
      name: z.string(),
      tenantId: z.string().optional(),
      etag: z.string().optional(),
      problems: z.array(z.string()).optional(),
      warnings: z.array(z.string()).optional().describe('What is valid, and seems to be meant otherwise'),
      document: anything.optional(),
    }),
    'The document; for callers without the role `operator` the tool that it is',
  ),
  headers: ETAG,
}

const PIPELINES: readonly RestOperation[] = [
  {
    id: 'getPipeline',
    method: 'get',
    path: '/v1/pipelines/{name}',
    tag: 'Pipelines',
    summary: 'Show a pipeline',
    query: tenantQuery,
    answers: { 200: pipelineDocument },
  },
  {
    id: 'putPipeline',
    method: 'put',
    path: '/v1/pipelines/{name}',
    tag: 'Pipelines',
    summary: 'Write a pipeline (role `operator`)',
    query: tenantQuery,
    headers: MATCH,
    body: anyObject,
    answers: { 200: pipelineDocument, 201: pipelineDocument },
  },
  {
    id: 'removePipeline',
    method: 'delete',
    path: '/v1/pipelines/{name}',
    tag: 'Pipelines',
    summary: 'Remove a pipeline (role `operator`)',
    query: tenantQuery,
    headers: MATCH,
    answers: { 204: { description: 'Removed' } },
  },
]

const cache = z.looseObject({ name: z.string(), entries: z.int(), bytes: z.int() })
const PLATFORM: readonly RestOperation[] = [
  {
    id: 'getTenant',
    method: 'get',
    path: '/v1/tenant',
    tag: 'Tenant',
    summary: 'Show quotas, identity providers and use of the tenant (role `operator`)',
    answers: { 200: json(tenantAnswer) },
  },
  {
    id: 'rotateVault',
    method: 'post',
    path: '/v1/vault/rotate',
    tag: 'Connections',
    summary: 'Encrypt every entry of the vault with new keys (role of platform administrators)',
    answers: { 200: json(z.object({ rotated: z.int(), unopened: z.int() })) },
  },
  {
    id: 'listCaches',
    method: 'get',
    path: '/v1/caches',
    tag: 'Caches',
    summary: 'Show the caches (role `operator`)',
    query: cachesQuery,
    answers: { 200: json(z.object({ caches: z.array(cache) })) },
  },
  {
    id: 'clearCaches',
    method: 'delete',
    path: '/v1/caches',
    tag: 'Caches',
    summary: 'Clear the caches (role `operator`)',
    query: cachesQuery,
    answers: {
      200: json(z.object({ cleared: z.array(z.object({ name: z.string(), entries: z.int() })) })),
    },
  },
]

/** Operations of those who run the gateway. */
export const MANAGEMENT_OPERATIONS = [...SERVERS, ...PIPELINES, ...PLATFORM]
