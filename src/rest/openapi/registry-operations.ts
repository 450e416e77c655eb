import { z } from 'zod'
import { draftBody, registryQuery, registryVersionQuery } from '../management/mcp-registry.ts'
import { anything, json, nextCursor, type RestOperation } from './operation.ts'

const input = z.object({
  name: z.string(),
  place: z.string().describe('Where it goes in the document'),
  description: z.string().optional(),
  isSecret: z.boolean(),
  choices: z.array(z.string()),
})
const choice = z.object({
  kind: z.enum(['remote', 'package']),
  what: z.string(),
  package: z.string().optional(),
  version: z.string().optional(),
  url: z.string().optional(),
  inputs: z.array(
    input.extend({
      isRequired: z.boolean(),
      default: z.string().optional(),
      placeholder: z.string().optional(),
    }),
  ),
  isInstalled: z
    .boolean()
    .describe('Whether the gateway installs the package (INSTALL_ALLOWLIST); otherwise npx starts it'),
})
const listed = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  version: z.string().optional(),
  status: z.string().optional(),
  updatedAt: z.string().optional(),
  website: z.string().optional(),
  repository: z.string().optional(),
  choices: z.array(choice).describe('The ways to reach it that this gateway can use'),
  unusable: z.array(z.string()).describe('The other ones'),
})

/** Finding servers to add in the MCP registry. */
export const REGISTRY_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'searchRegistry',
    method: 'get',
    path: '/v1/registry/servers',
    tag: 'Registry',
    summary: 'Search the MCP registry for servers to add (role operator)',
    query: registryQuery,
    answers: { 200: json(z.object({ servers: z.array(listed), nextCursor }), 'One page') },
  },
  {
    id: 'getRegistryServer',
    method: 'get',
    path: '/v1/registry/servers/{name}',
    tag: 'Registry',
    summary: 'Show a server of the MCP registry, and what it asks for',
    query: registryVersionQuery,
    answers: { 200: json(listed.extend({ serverJson: anything }), 'As its publisher describes it') },
  },
  {
    id: 'draftRegistryServer',
    method: 'post',
    path: '/v1/registry/servers/{name}/draft',
    tag: 'Registry',
    summary: 'Make the document and the request that add a server of the MCP registry; nothing is added',
    body: draftBody,
    answers: {
      200: json(
        z.object({
          document: anything,
          request: z.object({ method: z.literal('POST'), path: z.string(), body: anything }),
          missing: z.array(input).describe('Inputs that are required and were not given'),
          notes: z.array(z.string()),
        }),
        'The document is disabled as long as something is missing',
      ),
    },
  },
]
