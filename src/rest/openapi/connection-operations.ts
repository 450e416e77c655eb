import { z } from 'zod'
import { connectionsQuery, disconnectQuery } from '../connections.ts'
import { json, type RestOperation } from './operation.ts'

const connection = z.looseObject({
  server: z.string(),
  per: z.enum(['user', 'tenant']).describe('Whose account it is'),
  subject: z.string().optional().describe('Only with `of=tenant`'),
  state: z.enum(['connected', 'expired', 'refused', 'not_connected']),
  account: z.string().optional().describe('What the authorization server calls the account'),
  scopes: z.array(z.string()).optional(),
  issuer: z.string().optional(),
  since: z.string().optional(),
  lastUse: z.string().optional(),
  connectUrl: z.string().optional().describe('The page where the caller connects it'),
})

/** Accounts of people and tenants at servers. */
export const CONNECTION_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'listConnections',
    method: 'get',
    path: '/v1/connections',
    tag: 'Connections',
    summary: 'List the accounts of the caller at servers, and the servers where one can be connected',
    query: connectionsQuery,
    answers: { 200: json(z.object({ connections: z.array(connection) }), 'Without any token') },
  },
  {
    id: 'connectAccount',
    method: 'post',
    path: '/v1/connections/{server}',
    tag: 'Connections',
    summary: 'Get a link to connect an account of the caller',
    answers: {
      201: json(
        z.object({ server: z.string(), url: z.string(), expiresAt: z.string() }),
        'For a browser, once',
      ),
    },
  },
  {
    id: 'disconnectAccount',
    method: 'delete',
    path: '/v1/connections/{server}',
    tag: 'Connections',
    summary: 'Disconnect an account, and revoke its tokens',
    query: disconnectQuery,
    answers: {
      200: json(
        z.object({ server: z.string(), disconnected: z.literal(true), revoked: z.boolean() }),
        'Disconnected',
      ),
    },
  },
]
