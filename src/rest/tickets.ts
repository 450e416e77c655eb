import { Router } from 'express'
import { z } from 'zod'
import { GatewayError } from '../domain/errors/errors.ts'
import { isFor } from '../identity/audience.ts'
import { identityOf } from '../identity/identity.ts'
import { TICKET_SUBPROTOCOL, type Tickets } from '../identity/tickets.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { bodyOf } from './query.ts'

interface TicketRouteOptions {
  readonly tickets: Tickets
  readonly publicUrl: string
}

/** What a ticket is for. */
export const ticketRequest = z.strictObject({
  path: z
    .string()
    .regex(/^\/ws(\/[a-z][a-z0-9-]{0,39})?$/, 'expected "/ws" or "/ws/{server}"')
    .default('/ws'),
})

/**
 * `POST /v1/tickets`: a one-time ticket for the caller's WebSocket at `path`, for pages of browsers, which cannot send a
 * token with it.
 */
export function ticketRoutes({ tickets, publicUrl }: TicketRouteOptions): Router {
  const router = Router()
  router.post('/tickets', (request, response) => {
    const { principal, clientName, paths = [] } = identityOf(response)
    const { path } = bodyOf(ticketRequest, request)
    if (!isFor(paths, path))
      throw new GatewayError('forbidden', `The audience of the token does not include ${path}`)
    const { ticket, expiresAtMs } = tickets.issue({ principal, clientName }, path)
    response.set('Cache-Control', 'no-store')
    response.status(201).json({
      ticket,
      path,
      url: `${publicUrl.replace(/^http/, 'ws')}${path}?ticket=${ticket}`,
      subprotocols: ['mcp', `${TICKET_SUBPROTOCOL}${ticket}`],
      expiresAt: new Date(expiresAtMs).toISOString(),
    })
  })
  router.all('/tickets', methodNotAllowed('POST'))
  return router
}
