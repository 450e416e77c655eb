import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { refusalToApprove } from '../domain/approvers.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { ApprovalRequest } from '../features/approvals/approval-request.ts'
import type { Approvals } from '../features/approvals/approvals.ts'
import { readableArguments } from '../features/approvals/shown-arguments.ts'
import { type Identity, identityOf } from '../identity/identity.ts'
import { isInPerson } from '../identity/in-person.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { bodyOf, decimal, queryOf } from './query.ts'

/** What the routes of approvals use. */
export interface ApprovalRouteOptions {
  readonly approvals: Approvals
  /** The page where a request is answered. */
  readonly pageOf: (id: string) => string
  readonly platformAdminRole: string
}

/** Which requests are listed. */
export const approvalsQuery = z.strictObject({
  status: z.enum(['open', 'all']).default('open').describe('`all`: also those that were answered lately'),
  limit: decimal(1, 1000).default(100),
})
/** What is said with a yes or no. */
export const answerBody = z.strictObject({
  reason: z.string().max(500).optional().describe('For the caller and the record'),
})

/**
 * `GET /v1/approvals`: the calls that wait for a person's yes: the caller's own, and for approvers those of the tenant.
 * `GET /v1/approvals/{id}` shows one with its arguments, without secrets; `POST …/approve` and `…/deny` answer it.
 */
export function approvalRoutes(options: ApprovalRouteOptions): Router {
  const { approvals } = options
  const router = Router()

  router.get('/approvals', async (request, response) => {
    const { status, limit } = queryOf(approvalsQuery, request)
    const identity = identityOf(response)
    const found = await approvals.list(identity.principal)
    const shown = found.filter((each) => status === 'all' || each.status === 'open').slice(0, limit)
    response.json({ approvals: shown.map((each) => shownTo(options, identity, each)) })
  })

  router.get('/approvals/:id', async (request, response) => {
    const identity = identityOf(response)
    const found = await approvals.find(request.params['id'], identity.principal)
    const given = await approvals.argumentsOf(found)
    response.json({
      ...shownTo(options, identity, found),
      arguments: given,
      readableArguments: readableArguments(given),
    })
  })

  const answer = (verdict: 'approved' | 'denied') => async (request: Request, response: Response) => {
    const identity = identityOf(response)
    const { reason } = bodyOf(answerBody, request)
    const answerer = { ...identity, isPerson: isInPerson(identity, options.platformAdminRole) }
    const answered = await approvals.answer(String(request.params['id']), answerer, { verdict, reason })
    response.json(shownTo(options, identity, answered))
  }
  router.post('/approvals/:id/approve', answer('approved'))
  router.post('/approvals/:id/deny', answer('denied'))
  router.all(['/approvals', '/approvals/:id'], methodNotAllowed('GET'))
  router.all(['/approvals/:id/approve', '/approvals/:id/deny'], methodNotAllowed('POST'))
  return router
}

function shownTo(
  { approvals, pageOf, platformAdminRole }: ApprovalRouteOptions,
  identity: Identity,
  request: ApprovalRequest,
): JsonObject {
  const { id, status, server, tool, rule, requester, argumentBytes, answer, usedAt } = request
  const { subject, agent, client } = requester
  const approver = { principal: identity.principal, isPerson: isInPerson(identity, platformAdminRole) }
  const { approverRoles } = approvals
  const refusal = refusalToApprove(approver, { tenantId: request.tenantId, subject }, { rule, approverRoles })
  return {
    id,
    status,
    server,
    tool,
    rule,
    requester: { subject, ...(agent !== undefined && { agent }), ...(client !== undefined && { client }) },
    argumentBytes,
    createdAt: isoOf(request.createdAt),
    expiresAt: isoOf(request.expiresAt),
    mayApprove: status === 'open' && refusal === undefined,
    url: pageOf(id),
    ...(answer !== undefined && {
      answer: {
        by: answer.subject,
        ...(answer.agent !== undefined && { agent: answer.agent }),
        at: isoOf(answer.at),
        ...(answer.reason !== undefined && { reason: answer.reason }),
      },
    }),
    ...(usedAt !== undefined && { usedAt: isoOf(usedAt) }),
  }
}

function isoOf(at: number): string {
  return new Date(at).toISOString()
}
