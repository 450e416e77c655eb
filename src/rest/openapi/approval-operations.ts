import { z } from 'zod'
import { answerBody, approvalsQuery } from '../approvals.ts'
import { anything, json, type RestOperation } from './operation.ts'

const approval = z.object({
  id: z.string(),
  status: z.enum(['open', 'approved', 'denied', 'used']).describe('`used`: the approved call was made'),
  server: z.string(),
  tool: z.string().describe("The server's own name of it"),
  rule: z.enum(['caller', 'second-person']).describe('Whose yes it needs'),
  requester: z.object({
    subject: z.string(),
    agent: z.string().optional(),
    client: z.string().optional().describe('What the program calls itself'),
  }),
  argumentBytes: z.int(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().describe('Until it can be answered, or the approval be used'),
  mayApprove: z.boolean().describe('Whether you may approve it'),
  url: z.string().describe('The page where it is answered'),
  answer: z
    .object({
      by: z.string(),
      agent: z.string().optional(),
      at: z.iso.datetime(),
      reason: z.string().optional(),
    })
    .optional(),
  usedAt: z.iso.datetime().optional(),
})
const whole = approval.extend({
  arguments: anything.describe('As they would be sent, without secrets'),
  readableArguments: z.string().describe('The same as text, with codes for characters that cannot be seen'),
})

/** Calls that need a person's yes. */
export const APPROVAL_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'listApprovals',
    method: 'get',
    path: '/v1/approvals',
    tag: 'Approvals',
    summary: 'List the calls that wait for approval: those of the caller, or for approvers of the tenant',
    query: approvalsQuery,
    answers: { 200: json(z.object({ approvals: z.array(approval) }), 'The newest first') },
  },
  {
    id: 'getApproval',
    method: 'get',
    path: '/v1/approvals/{id}',
    tag: 'Approvals',
    summary: 'Show a request for approval with the arguments of the call',
    answers: { 200: json(whole, 'The request') },
  },
  {
    id: 'approveCall',
    method: 'post',
    path: '/v1/approvals/{id}/approve',
    tag: 'Approvals',
    summary: 'Approve a call, which can then be made once',
    body: answerBody,
    answers: { 200: json(approval, 'Approved') },
  },
  {
    id: 'denyCall',
    method: 'post',
    path: '/v1/approvals/{id}/deny',
    tag: 'Approvals',
    summary: 'Deny a call',
    body: answerBody,
    answers: { 200: json(approval, 'Denied') },
  },
]
