import type { IncomingHttpHeaders } from 'node:http'
import type { Request, RequestHandler, Response } from 'express'
import { narrowAgent } from '../../identity/agent-header.ts'
import { isFor } from '../../identity/audience.ts'
import type { RefusalLog } from '../../identity/refusal-log.ts'
import { type Identity, requestIdOf } from '../../identity/identity.ts'
import { TICKET_SUBPROTOCOL, type Tickets } from '../../identity/tickets.ts'
import type { TokenVerifier } from '../../identity/token-verifier.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { Presented } from '../../domain/presented.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import { metadataChallenge, quotable, type ResourceOptions, scopeChallenge } from '../protected-resource.ts'

interface AuthenticateOptions extends ResourceOptions {
  readonly verifier: TokenVerifier
  readonly tickets: Tickets
  readonly refusals: RefusalLog
  /** Whether a tenant's `x-agent-name` header is believed without the token's consent. */
  readonly trustsAgentHeader: (tenantId: string) => boolean
  readonly metrics: Metrics
}

const MAX_CLIENT_NAME = 128
const EXPECTED = 'send "Authorization: Bearer <token>"'
/** Schemes that people send by mistake; anything else in their place may be a token. */
const OTHER_SCHEME = /^(Basic|Digest|DPoP|Negotiate|Token|ApiKey) /i

/**
 * Verifies the bearer token of every request and puts the identity of its sender into `response.locals`. A refusal carries the
 * challenge that leads a client to the authorization servers, where there are any (RFC 6750 §3, RFC 9728 §5.1).
 */
export function authenticate(options: AuthenticateOptions): RequestHandler {
  return async (request, response, next) => {
    let token: string | undefined
    try {
      const ticket = ticketIn(request, response)
      if (ticket === undefined) token = bearerToken(request)
      const sender =
        token === undefined
          ? await options.tickets.redeem(ticket ?? '', request.path)
          : await senderWith(token, request, options)
      // A ticket was issued before.
      options.verifier.checkTenant(sender.principal.tenantId)
      const { arrivedAt, clientAddress: address, socket } = request
      socket.tenantId = sender.principal.tenantId
      response.locals.identity = { ...sender, address, arrivedAt, requestId: requestIdOf(response) }
    } catch (thrown) {
      const error = toGatewayError(thrown)
      options.metrics.authFailure(error.code)
      if (error.code !== 'missing_token')
        options.refusals.refused(error, token, {
          requestId: requestIdOf(response),
          address: request.clientAddress,
        })
      challenge(request, response, error, options)
      throw error
    }
    next()
  }
}

async function senderWith(
  token: string,
  request: Request,
  { verifier, trustsAgentHeader }: AuthenticateOptions,
): Promise<Omit<Identity, 'requestId'>> {
  const verified = await verifier.verify(token)
  refuseOther(verified.paths, request.path)
  const principal = narrowAgent(verified, request.get('x-agent-name'), trustsAgentHeader)
  const { paths, agents } = verified
  const presented = new Presented(token, request.headers)
  return { principal, clientName: clientNameIn(request.headers), paths, agents, presented }
}

/** The ticket of a request for a WebSocket that has no token: in the address, or as a subprotocol. */
function ticketIn(request: Request, { upgrade }: Response): string | undefined {
  if (upgrade === undefined || request.get('authorization') !== undefined) return undefined
  const { ticket } = request.query
  if (typeof ticket === 'string') return ticket
  const offered = request.get('sec-websocket-protocol')?.split(',') ?? []
  return offered
    .map((name) => name.trim())
    .find((name) => name.startsWith(TICKET_SUBPROTOCOL))
    ?.slice(TICKET_SUBPROTOCOL.length)
}

function bearerToken(request: Request): string {
  const header = request.get('authorization')
  if (header === undefined)
    throw new GatewayError('missing_token', `The request has no Authorization header; ${EXPECTED}`)
  const match = /^Bearer +([^\s,]+) *$/i.exec(header)
  if (match?.[1] === undefined) throw new GatewayError('invalid_token', whatCame(header))
  return match[1]
}

function whatCame(header: string): string {
  const scheme = OTHER_SCHEME.exec(header)?.[1]
  if (scheme !== undefined) return `The Authorization header has the scheme ${scheme}; ${EXPECTED}`
  if (/^Bearer *$/i.test(header)) return `The Authorization header has no token after "Bearer"; ${EXPECTED}`
  return `The Authorization header is not "Bearer <token>"; ${EXPECTED}`
}

/**
 * A token for one path is not valid for another. Messages of SSE use a separate path, where the session knows the path
 * that it was opened at; tickets are for the paths of the token.
 */
function refuseOther(paths: readonly string[], path: string): void {
  if (isFor(paths, path)) return
  const entry = path === '/messages' ? '/sse' : path === '/v1/tickets' ? '/ws' : undefined
  if (entry !== undefined && paths.some((each) => isFor([entry], each))) return
  throw new GatewayError('invalid_token', 'The audience of the token is a different path of this gateway.')
}

function challenge(request: Request, response: Response, error: GatewayError, of: ResourceOptions): void {
  if (error.code !== 'missing_token' && error.code !== 'invalid_token' && error.code !== 'invalid_ticket')
    return
  const parts =
    error.code === 'invalid_token'
      ? ['error="invalid_token"', `error_description="${quotable(error.message)}"`]
      : []
  // A client that had a token would begin a login that cannot succeed if there is no authorization server.
  const leads = error.code !== 'invalid_token' || of.authorizationServers().length > 0
  const all = [...parts, ...scopeChallenge(of), ...(leads ? metadataChallenge(of, request.path) : [])]
  response.setHeader('WWW-Authenticate', ['Bearer', all.join(', ')].join(' ').trim())
}

/** What the client calls itself, cut to a length that records take. */
export function clientNameIn({ 'x-client-name': name }: IncomingHttpHeaders): string | undefined {
  return typeof name === 'string' ? name.slice(0, MAX_CLIENT_NAME) : undefined
}
