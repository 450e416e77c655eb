import { z } from 'zod'
import { approvalBody, approvalsBody, pinQuery, pinsQuery } from '../management/pins.ts'
import { anything, json, nextCursor, type RestOperation } from './operation.ts'

const pin = z.object({
  id: z.string().describe('The exposed name of the tool'),
  server: z.string(),
  tenantId: z.string().describe('The tenant of the server'),
  tool: z.string().describe('The server’s own name of the tool'),
  state: z.enum(['pinned', 'changed', 'new']),
  isHeld: z.boolean().describe('Whether the tool is in no list and cannot be called'),
  policy: z.enum(['allow', 'alert', 'hold']),
  hash: z.string().describe('SHA-256 of the definition that the server offers now'),
  pinnedHash: z.string().optional(),
  pinnedAt: z.iso.datetime().optional(),
  approvedBy: z.string().optional().describe('Absent for a definition that was the first'),
})
const waiting = z.object({
  server: z.string(),
  policy: z.string(),
  tools: z.int(),
  hash: z.string().describe('Approves all of them together'),
})
const mayApprove = z.boolean().describe('Whether the caller may approve definitions')
const change = z.object({
  field: z.string(),
  lines: z.array(z.string()).describe('`- ` what was, `+ ` what is; invisible characters as codes'),
})

/** The definitions of tools that are trusted. */
export const PIN_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'listPins',
    method: 'get',
    path: '/v1/pins',
    tag: 'Pins',
    summary: 'List the tools with the hashes of their definitions, and those that wait for approval',
    query: pinsQuery,
    answers: {
      200: json(
        z.object({ pins: z.array(pin), waiting: z.array(waiting), mayApprove, nextCursor }),
        'One page',
      ),
    },
  },
  {
    id: 'getPin',
    method: 'get',
    path: '/v1/pins/{toolId}',
    tag: 'Pins',
    summary: 'Show what is different about the definition of a tool',
    answers: {
      200: json(
        pin.extend({
          changes: z.array(change),
          definition: anything,
          mayApprove,
          pinned: anything.optional(),
        }),
        'The definitions are as the server gave them, invisible characters included',
      ),
    },
  },
  {
    id: 'approvePin',
    method: 'post',
    path: '/v1/pins/{toolId}/approve',
    tag: 'Pins',
    summary: 'Approve the definition of a tool that has exactly this hash (role of APPROVER_ROLES)',
    query: pinQuery,
    body: approvalBody,
    answers: { 200: json(pin) },
  },
  {
    id: 'approvePins',
    method: 'post',
    path: '/v1/pins:approve',
    tag: 'Pins',
    summary: 'Approve all definitions of a server that wait (role of APPROVER_ROLES)',
    query: pinQuery,
    body: approvalsBody,
    answers: { 200: json(z.object({ approved: z.array(z.string()) })) },
  },
]
