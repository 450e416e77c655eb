import { Router } from 'express'
import { z } from 'zod'
import type { Administration } from '../../audit/administration.ts'
import type { ClientTransport } from '../../domain/client-transport.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import { sessionLabel } from '../../domain/session-label.ts'
import { identityOf } from '../../identity/identity.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'

/** The open sessions of this process, which can be ended. */
interface OpenSessions {
  list(): readonly {
    readonly id: string
    readonly transport: ClientTransport
    readonly principal: Principal
    readonly address?: string | undefined
    readonly openStreams: number
    /** Monotonic milliseconds. */
    readonly lastUsedAt: number
  }[]
  end(id: string): void
}

/** Open sessions. */
export const sessionsAnswer = z.object({
  sessions: z
    .array(
      z.object({
        id: z.string(),
        transport: z.string(),
        tenantId: z.string(),
        subject: z.string(),
        agent: z.string().nullable(),
        address: z.string().nullable().describe('Network address of the client'),
        roles: z.array(z.string()),
        openStreams: z.number(),
        idleMs: z.number(),
        tokenExpiresAt: z.iso.datetime(),
      }),
    )
    .describe('Sessions of this replica, the oldest first'),
})

/** What the routes of sessions use. */
export interface SessionRouteOptions {
  readonly sessions: OpenSessions
  readonly clock: Clock
  readonly acts: Administration
  readonly logger: Logger
}

/**
 * `GET /v1/sessions` and `DELETE /v1/sessions/{id}`: the open sessions of the caller, for operators of the tenant, and
 * ending one. The ids are only for display: no session can be joined with one.
 */
export function sessionRoutes({ sessions, clock, acts, logger }: SessionRouteOptions): Router {
  const router = Router()
  router.get('/sessions', (_request, response) => {
    const { principal } = identityOf(response)
    const now = clock.monotonic()
    const answer: z.input<typeof sessionsAnswer> = {
      sessions: visibleTo(sessions, principal).map(({ id, transport, principal: owner, ...session }) => ({
        id: sessionLabel(id),
        transport,
        tenantId: owner.tenantId,
        subject: owner.subject,
        agent: owner.agent ?? null,
        address: session.address ?? null,
        roles: [...owner.roles],
        openStreams: session.openStreams,
        idleMs: session.openStreams > 0 ? 0 : Math.round(now - session.lastUsedAt),
        tokenExpiresAt: new Date(owner.expiresAtMs).toISOString(),
      })),
    }
    response.json(answer)
  })
  router.delete('/sessions/:id', async (request, response) => {
    const identity = identityOf(response)
    const { principal, requestId } = identity
    const found = visibleTo(sessions, principal).find(({ id }) => sessionLabel(id) === request.params.id)
    if (found === undefined) throw new GatewayError('session_not_found')
    const { tenantId, subject } = found.principal
    await acts.perform(
      identity,
      () => sessions.end(found.id),
      () => ({
        action: 'session.end',
        object: { tenantId, name: request.params.id },
        change: { of: subject },
      }),
    )
    logger.info(
      { session: request.params.id, tenantId, of: subject, subject: principal.subject, requestId },
      'session ended',
    )
    response.status(204).end()
  })
  router.all('/sessions', methodNotAllowed('GET'))
  router.all('/sessions/:id', methodNotAllowed('DELETE'))
  return router
}

function visibleTo(sessions: OpenSessions, asker: Principal): ReturnType<OpenSessions['list']> {
  const isOperator = asker.roles.includes('operator')
  return sessions
    .list()
    .filter(
      ({ principal: { tenantId, subject, issuer } }) =>
        tenantId === asker.tenantId && (isOperator || (subject === asker.subject && issuer === asker.issuer)),
    )
}
