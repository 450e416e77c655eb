import { z } from 'zod'
import { auditQuery, chainAnswer } from '../management/audit.ts'
import { json, nextCursor, type RestOperation } from './operation.ts'

const record = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  tenantId: z.string(),
  subject: z.string(),
  agent: z.string().nullable(),
  face: z.string(),
  sessionId: z.string().nullable(),
  requestId: z.string(),
  action: z.string(),
  target: z.string(),
  server: z.string().nullable(),
  instance: z.string().nullable(),
  effect: z.enum(['allow', 'deny']),
  ruleId: z.string(),
  outcome: z.enum(['ok', 'tool_error', 'error', 'denied', 'cancelled', 'unknown', 'changed']),
  code: z.string().nullable(),
  durationMs: z.number(),
  requestBytes: z.int(),
  responseBytes: z.int(),
  argumentsDigest: z.string(),
  roles: z.array(z.string()).optional(),
  clientName: z.string().nullable().optional(),
  address: z.string().nullable().optional().describe('Who sent the request; a proxy where none is trusted'),
  ruleDocument: z.string().nullable().optional().describe('The document that the rule is in'),
  erasedBy: z.string().optional().describe('The record of the erasure of what was personal'),
  commitment: z.string().optional(),
  change: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What an administrative act (`outcome` is `changed`) made different, without secrets'),
})

/** Usage records. */
export const AUDIT_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'listAudit',
    method: 'get',
    path: '/v1/audit',
    tag: 'Audit',
    summary: 'List usage records, newest first (role `auditor`)',
    query: auditQuery,
    answers: { 200: json(z.object({ records: z.array(record), nextCursor }), 'One page') },
  },
  {
    id: 'getAuditChain',
    method: 'get',
    path: '/v1/audit/chain',
    tag: 'Audit',
    summary: 'Show whether usage records reach the store, and when they were signed last (role `auditor`)',
    answers: { 200: json(chainAnswer, 'Of the process that answers') },
  },
  {
    id: 'erasePerson',
    method: 'delete',
    path: '/v1/audit/persons/{subject}',
    tag: 'Audit',
    summary: 'Erase what is personal in the records of a person (roles `auditor` and `operator`)',
    answers: {
      200: json(z.object({ erased: z.int(), record: z.string() }), 'How many records, and that of it'),
    },
  },
]
