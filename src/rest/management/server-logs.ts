import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { identityOf } from '../../identity/identity.ts'
import { whenTokenEnds } from '../../identity/token-end.ts'
import { type Clock, repeat } from '../../domain/clock.ts'
import { TenantPlaces } from '../../domain/concurrency/tenant-places.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { eventText } from '../../domain/text/server-sent-event.ts'
import type { LogLine, ProcessLog, ProcessLogs } from '../../upstream/stdio/process-log.ts'
import { openEvents } from '../run.ts'
import { managedServer, type ManagementOptions } from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { decimal, queryOf } from '../query.ts'
import { requireRole } from '../require-role.ts'

/** What may wait for a reader that is too slow, which is then cut off. */
const MAX_UNREAD_BYTES = 1024 * 1024
const KEEP_ALIVE_MS = 15_000
/** How many follow a log at the same time: each line is written for each of them. */
const AT_ONCE = { ofTenant: 16, ofAll: 128 }
const RETRY_AFTER_MS = 2000
const TOO_MANY = 'Too many follow logs already; 16 at a time for a tenant'

/** What a log is asked for with. */
export const logsQuery = z.object({
  lines: decimal(0, 1000).default(100),
  follow: z.enum(['true', 'false']).default('false'),
  tenantId: z.string().optional(),
})

type Form = 'text' | 'events' | 'json'

interface ServerLogOptions extends ManagementOptions {
  readonly processLogs: ProcessLogs
  readonly clock: Clock
}

/**
 * `GET /v1/servers/{name}/logs?lines=&follow=` for operators: what the processes of a server wrote to standard error,
 * as text, JSON or, with `Accept: text/event-stream`, events. `follow=true` continues until the caller disconnects, its
 * token expires, or the server is removed.
 */
export function serverLogRoutes(options: ServerLogOptions): Router {
  const router = Router()
  const places = new TenantPlaces(AT_ONCE)
  router.head('/servers/:name/logs', methodNotAllowed('GET')) // it may be a stream that does not end
  router.get('/servers/:name/logs', requireRole('operator'), (request, response) => {
    const identity = identityOf(response)
    const server = managedServer(options, request, identity)
    const { lines, follow } = queryOf(logsQuery, request)
    if (server.transport !== 'stdio')
      throw new GatewayError(
        'invalid_request',
        `${server.name} is not a process of this gateway, so it has no log here`,
      )
    const log = options.processLogs.of(serverKey(server))
    const form = formOf(request)
    const isFollowed = follow === 'true'
    if (form === 'json' && !isFollowed) {
      response.json({ lines: log.last(lines).map(jsonOf) })
      return
    }
    // Of one that has gone away nothing would be heard any more.
    if (response.destroyed) return
    const leave = isFollowed ? places.take(identity.principal.tenantId) : () => undefined
    if (leave === undefined)
      throw new GatewayError('too_many_requests', TOO_MANY, { facts: { retryAfterMs: RETRY_AFTER_MS } })
    response.once('close', leave)
    stream(options, response, { log, lines, isFollowed, isEvents: form === 'events' })
  })
  router.all('/servers/:name/logs', methodNotAllowed('GET'))
  return router
}

function stream(
  { clock }: ServerLogOptions,
  response: Response,
  of: { log: ProcessLog; lines: number; isFollowed: boolean; isEvents: boolean },
): void {
  const shown = of.isEvents ? eventOf : textOf
  const write = (line: LogLine): void => {
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy()
    else response.write(shown(line))
  }
  if (of.isEvents) openEvents(response)
  else response.type('text/plain').setHeader('Cache-Control', 'no-store')
  response.flushHeaders()
  const past = of.log.last(of.lines).map(shown).join('')
  if (past !== '') response.write(past)
  if (!of.isFollowed) {
    response.end()
    return
  }
  const end = (): void => void response.end()
  const endings = [
    of.log.follow(write, end),
    whenTokenEnds(clock, identityOf(response).principal, end),
    ...(of.isEvents ? [repeat(clock, KEEP_ALIVE_MS, () => response.write(': keepalive\n\n'))] : []),
  ]
  response.once('close', () => {
    for (const stop of endings) stop()
  })
}

function formOf(request: Request): Form {
  const accepted = request.accepts(['text/plain', 'text/event-stream', 'application/json'])
  if (accepted === 'text/event-stream') return 'events'
  return accepted === 'application/json' ? 'json' : 'text'
}

function jsonOf({ number, atMs, pid, by, text }: LogLine): JsonObject {
  return { number, at: new Date(atMs).toISOString(), pid, by, text }
}

function eventOf(line: LogLine): string {
  return eventText(JSON.stringify(jsonOf(line)), { event: 'line' })
}

function textOf({ atMs, pid, by, text }: LogLine): string {
  return `${new Date(atMs).toISOString()} ${pid ?? '-'} ${by === 'gateway' ? `-- ${text}` : text}\n`
}
