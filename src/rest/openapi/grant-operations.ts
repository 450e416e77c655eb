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

/** What persons allowed clients, where the authorization server inside is on. */
export const GRANT_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'listGrants',
    method: 'get',
    path: '/v1/grants',
    tag: 'Identity',
    summary: 'List what the caller allowed clients; for operators, what the persons of their tenant did',
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
]
