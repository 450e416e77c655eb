import { z } from 'zod'
import { json, nextCursor, type RestOperation } from './operation.ts'

const filter = z.object({
  subject: z.string().optional().describe('Of this person (role `operator`)'),
  clientId: z.string().optional().describe('Of this client'),
})

const grant = z.object({
  id: z.string(),
  subject: z.string(),
  roles: z.array(z.string()),
  clientId: z.string(),
  clientName: z.string(),
  agent: z.string().describe('The agent name of the tokens of the client'),
  redirectUri: z.string(),
  resources: z.array(z.string()),
  scopes: z.array(z.string()),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
})

const client = z.object({
  clientId: z.string(),
  clientName: z.string(),
  publisher: z.string().optional().describe('The host of its metadata document'),
  agent: z.string(),
  state: z.enum(['waiting', 'approved', 'denied']),
  askedBy: z.string().optional().describe('The person who wanted to use it'),
  decidedBy: z.string().optional(),
  changedAt: z.iso.datetime(),
})

/** What people allowed clients to do, if the built-in authorization server is on. */
export const GRANT_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'listGrants',
    method: 'get',
    path: '/v1/grants',
    tag: 'Identity',
    summary: 'List what the caller allowed clients; for operators, what the people of their tenant did',
    query: filter.extend({ cursor: z.string().optional() }),
    answers: { 200: json(z.object({ grants: z.array(grant), nextCursor }), 'One page') },
  },
  {
    id: 'revokeGrants',
    method: 'delete',
    path: '/v1/grants',
    tag: 'Identity',
    summary: 'End all grants of a person or client',
    query: filter,
    answers: { 200: json(z.object({ revoked: z.int() })) },
  },
  {
    id: 'revokeGrant',
    method: 'delete',
    path: '/v1/grants/{id}',
    tag: 'Identity',
    summary: 'End a grant: its tokens are refused, and its sessions end',
    answers: { 204: { description: 'Ended' } },
  },
  {
    id: 'listClients',
    method: 'get',
    path: '/v1/clients',
    tag: 'Identity',
    summary: 'List the clients that people of the tenant want to use, and what operators said of them',
    answers: { 200: json(z.object({ clients: z.array(client) })) },
  },
  {
    id: 'decideClient',
    method: 'put',
    path: '/v1/clients/{clientId}',
    tag: 'Identity',
    summary: 'Approve a client for the tenant, or deny it, which ends its grants (role `operator`)',
    body: z.object({ state: z.enum(['approved', 'denied']) }),
    answers: { 200: json(client) },
  },
]
