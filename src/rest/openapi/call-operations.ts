import { z } from 'zod'
import { enhanceBody } from '../enhance.ts'
import { runBody } from '../pipelines.ts'
import { getBody, promptsQuery } from '../prompts.ts'
import { resourceQuery } from '../resources.ts'
import { ticketRequest } from '../tickets.ts'
import { callBody, toolsQuery } from '../tools.ts'
import { anything, json, nextCursor, type RestOperation } from './operation.ts'

const EVENTS = ['text/event-stream'] as const

const servers = {
  missingServers: z.array(z.string()).describe('Servers whose items are not known yet'),
  staleServers: z.array(z.string()).describe('Servers that are unavailable; their last items are listed'),
}
const tool = z.looseObject({
  id: z.string(),
  server: z.string(),
  name: z.string(),
  description: z.string().optional(),
  inputSchema: anything,
})
const listedTool = tool.partial({ inputSchema: true })
const toolResult = z.looseObject({
  content: z.array(anything).optional(),
  structuredContent: anything.optional(),
  isError: z.boolean(),
})
const pipeline = z.looseObject({ name: z.string(), tool: z.string(), inputSchema: anything })
const enhanced = z.looseObject({ prompt: z.string(), enhanced: z.boolean() })

/** How a run of a pipeline does. */
const run = z.looseObject({
  id: z.string(),
  pipeline: z.string(),
  status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  steps: z.array(z.looseObject({ id: z.string(), status: z.string() })),
  requestId: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  result: anything.optional(),
  resultTooLarge: z.boolean().optional(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
})

const TOOLS: readonly RestOperation[] = [
  {
    id: 'listTools',
    method: 'get',
    path: '/v1/tools',
    tag: 'Tools',
    summary: "List the caller's tools",
    query: toolsQuery,
    answers: {
      200: json(
        z.object({
          tools: z.array(listedTool),
          nextCursor,
          ...servers,
          emptyBecause: z.array(z.string()).optional().describe('Why there are none'),
        }),
        'One page',
      ),
      304: { description: 'The caller has this page already, by `If-None-Match`' },
    },
  },
  {
    id: 'getTool',
    method: 'get',
    path: '/v1/tools/{toolId}',
    tag: 'Tools',
    summary: 'Describe a tool',
    answers: { 200: json(tool, 'The tool') },
  },
  {
    id: 'callTool',
    method: 'post',
    path: '/v1/tools/{toolId}',
    tag: 'Tools',
    summary: 'Call a tool',
    body: callBody,
    answers: {
      200: { ...json(toolResult, 'The result; `isError` if the tool reports a failure'), types: EVENTS },
    },
  },
]

const RESOURCES: readonly RestOperation[] = [
  {
    id: 'listResources',
    method: 'get',
    path: '/v1/resources',
    tag: 'Resources',
    summary: "List the caller's resources, or read one with `uri`",
    query: resourceQuery,
    answers: {
      200: {
        ...json(
          z.looseObject({
            resources: z.array(z.looseObject({ uri: z.string(), server: z.string() })).optional(),
            resourceTemplates: z
              .array(z.looseObject({ uriTemplate: z.string(), server: z.string() }))
              .optional(),
            nextCursor,
            missingServers: servers.missingServers.optional(),
            staleServers: servers.staleServers.optional(),
            contents: z.array(anything).optional().describe('With `uri`: what the resource has'),
          }),
          'One page, or the contents of the resource',
        ),
        types: EVENTS,
      },
    },
  },
]

const PROMPTS: readonly RestOperation[] = [
  {
    id: 'listPrompts',
    method: 'get',
    path: '/v1/prompts',
    tag: 'Prompts',
    summary: "List the caller's prompts",
    query: promptsQuery,
    answers: {
      200: json(
        z.object({
          prompts: z.array(z.looseObject({ id: z.string(), server: z.string(), name: z.string() })),
          nextCursor,
          ...servers,
        }),
        'One page',
      ),
    },
  },
  {
    id: 'getPrompt',
    method: 'post',
    path: '/v1/prompts/{promptId}',
    tag: 'Prompts',
    summary: 'Get a prompt with its arguments filled in',
    body: getBody,
    answers: {
      200: { ...json(z.looseObject({ messages: z.array(anything) }), 'The messages'), types: EVENTS },
    },
  },
  {
    id: 'enhancePrompt',
    method: 'post',
    path: '/v1/enhance',
    tag: 'Prompts',
    summary: 'Improve a prompt with a local model',
    body: enhanceBody,
    answers: { 200: { ...json(enhanced, 'The prompt, improved where that is possible'), types: EVENTS } },
  },
  {
    id: 'getEnhancement',
    method: 'get',
    path: '/v1/enhance',
    tag: 'Prompts',
    summary: 'Show how the local model does, and the rules (role `operator`)',
    answers: {
      200: json(
        z.object({
          state: z.string(),
          since: z.iso.datetime().optional(),
          breaker: z.string().optional(),
          models: z.array(z.string()),
          rules: z.array(anything),
        }),
      ),
    },
  },
]

const PIPELINES: readonly RestOperation[] = [
  {
    id: 'listPipelines',
    method: 'get',
    path: '/v1/pipelines',
    tag: 'Pipelines',
    summary: "List the caller's pipelines",
    answers: { 200: json(z.object({ pipelines: z.array(pipeline) })) },
  },
  {
    id: 'runPipeline',
    method: 'post',
    path: '/v1/pipelines/{name}',
    tag: 'Pipelines',
    summary: 'Run a pipeline',
    headers: { Prefer: 'With `respond-async` the answer does not wait for the end' },
    body: runBody,
    answers: {
      200: { ...json(toolResult, 'The result'), types: EVENTS },
      202: { ...json(run, 'The run has begun'), headers: { Location: 'The address of the run' } },
    },
  },
  {
    id: 'listRuns',
    method: 'get',
    path: '/v1/pipeline-runs',
    tag: 'Pipelines',
    summary: "List the caller's runs of this replica, without their results",
    answers: { 200: json(z.object({ runs: z.array(run) })) },
  },
  {
    id: 'getRun',
    method: 'get',
    path: '/v1/pipelines/runs/{runId}',
    tag: 'Pipelines',
    summary: 'Show how a run does',
    answers: { 200: json(run) },
  },
  {
    id: 'cancelRun',
    method: 'delete',
    path: '/v1/pipelines/runs/{runId}',
    tag: 'Pipelines',
    summary: 'Cancel a run',
    answers: { 200: json(run) },
  },
]

const TICKETS: readonly RestOperation[] = [
  {
    id: 'createTicket',
    method: 'post',
    path: '/v1/tickets',
    tag: 'Identity',
    summary: 'Get a one-time ticket to open a WebSocket with',
    body: ticketRequest,
    answers: {
      201: json(
        z.object({
          ticket: z.string(),
          path: z.string(),
          url: z.string(),
          subprotocols: z.array(z.string()),
          expiresAt: z.iso.datetime(),
        }),
        'The ticket',
      ),
    },
  },
]

/** Operations with what the servers of the caller have. */
export const CALL_OPERATIONS = [...TOOLS, ...RESOURCES, ...PROMPTS, ...PIPELINES, ...TICKETS]
