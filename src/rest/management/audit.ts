import { Router } from 'express'
import { z } from 'zod'
import type { RecordReader } from '../../audit/audit-store.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import type { OpenAudit } from '../../audit/audit-open.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { identityOf } from '../../identity/identity.ts'
import { pageQuery, queryOf } from '../query.ts'
import { requireRole } from '../require-role.ts'
import { callerOf } from '../run.ts'

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
/** What usage records are asked for with. */
export const auditQuery = z.object({
  ...pageQuery,
  from: time.optional(),
  to: time.optional(),
  subject: z.string().max(256).optional(),
  target: z.string().max(256).optional(),
  server: z.string().max(40).optional(),
  outcome: z.enum(['ok', 'tool_error', 'error', 'denied', 'cancelled', 'unknown', 'changed']).optional(),
})

const MAX_SUBJECT = 1024

/** What the routes of usage records use. */
export interface AuditRouteOptions {
  readonly records: RecordReader
  readonly persons: OpenAudit['persons']
  /** How the chain of records stands in this process. */
  readonly chain: Pick<OpenAudit, 'spool' | 'signedAtMs'>
}

/** How the chain of usage records stands. */
export const chainAnswer = z.object({
  isDelivering: z.boolean().describe('Whether the store takes records; until it does, they wait on disk'),
  signedAt: z.iso.datetime().optional().describe('The last checkpoint of this process'),
})

/**
 * `GET /v1/audit/chain` for auditors: whether records reach the store, and when they were signed last.
 *
 * `DELETE /v1/audit/persons/{subject}`, for those who are operator and auditor, so that neither alone removes traces:
 * erases what is personal in the records of a person. The records stay, and their chain is verified as before.
 *
 * `GET /v1/audit` for auditors: the tenant's usage records, those of attempts that began last first. Of one instant,
 * those of one gateway are in the order in which they began, too: the steps of a run come before the run.
 */
export function auditRoutes({ records, persons, chain }: AuditRouteOptions): Router {
  const router = Router()

  router.get('/audit/chain', requireRole('auditor'), (_request, response) => {
    const signedAtMs = chain.signedAtMs()
    const answer: z.input<typeof chainAnswer> = {
      isDelivering: chain.spool().isDelivering,
      ...(signedAtMs !== undefined && { signedAt: new Date(signedAtMs).toISOString() }),
    }
    response.json(answer)
  })

  router.get('/audit', requireRole('auditor'), async (request, response) => {
    const query = queryOf(auditQuery, request)
    const page = await records.query({
      ...query,
      tenantId: callerOf(response).principal.tenantId,
    })
    response.json({
      records: page.records.map(({ atMs, ...rest }) => ({ ...rest, at: new Date(atMs).toISOString() })),
      ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }),
    })
  })

  router.delete(
    '/audit/persons/:subject',
    requireRole('auditor'),
    requireRole('operator'),
    async (request, response) => {
      const subject = String(request.params['subject'])
      if (subject.length > MAX_SUBJECT)
        throw new GatewayError('not_found', 'There are no records of this person')
      const { records: erased, record } = await persons.erase(identityOf(response), subject)
      response.json({ erased, record })
    },
  )

  router.all('/audit', methodNotAllowed('GET'))
  router.all('/audit/chain', methodNotAllowed('GET'))
  router.all('/audit/persons/:subject', methodNotAllowed('DELETE'))
  return router
}
