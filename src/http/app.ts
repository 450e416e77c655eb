import express, { type Express, type Router } from 'express'
import { dashboardWhenAsked } from '../dashboard/dashboard-loader.ts'
import type { DashboardOptions } from '../dashboard/dashboard-routes.ts'
import type { RefusalLog } from '../identity/refusal-log.ts'
import type { Tickets } from '../identity/tickets.ts'
import type { TokenVerifier } from '../identity/token-verifier.ts'
import type { HeldBytes } from '../domain/concurrency/held-bytes.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { RefusalTiming } from '../domain/errors/refusal-timing.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { SseEndpoint } from '../mcp/transports/sse-endpoint.ts'
import type { StreamableHttpEndpoint } from '../mcp/transports/streamable-http-endpoint.ts'
import type { WebSocketEndpoint } from '../mcp/transports/websocket-endpoint.ts'
import { errorsAt } from '../rest/problem.ts'
import { knownQuery } from '../rest/known-query.ts'
import { type RestOptions, restRoutes } from '../rest/rest-routes.ts'
import { withRemoteParent } from '../telemetry/tracing.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import { serverHealth, probes } from './health.ts'
import { mcpForward } from './mcp-forward.ts'
import { mcpRoutes } from './mcp-routes.ts'
import { authenticate } from './middleware/authenticate.ts'
import { readJson, requireJson } from './middleware/body.ts'
import { cors, corsForAll, preflight } from './middleware/cors.ts'
import { errorHandler, notFound } from './middleware/error-handler.ts'
import { allowedOrigins, headerCheck, hostCheck, originCheck } from './middleware/head-checks.ts'
import { loopCheck } from './middleware/loop-check.ts'
import { requestContext } from './middleware/request-context.ts'
import { boundUnread, unlessGone } from './middleware/response-guards.ts'
import { apiPage } from './pages/api-page.ts'
import { docsPages } from './pages/docs-pages.ts'
import { errorPages } from './pages/error-pages.ts'
import { protectedResource } from './protected-resource.ts'
import { restInside } from './rest-inside.ts'
import { addChallenge, challengesForScope, refuseWithoutScope } from './step-up.ts'

/** Paths where clients register and get tokens. */
const FOR_EVERY_ORIGIN = ['/.well-known', '/oauth/jwks', '/oauth/register', '/oauth/token', '/oauth/revoke']

/** What the HTTP application uses in addition to the REST routes. */
export interface AppOptions extends Omit<RestOptions, 'tickets'> {
  /** Which requests are for this gateway. */
  readonly edge: {
    /** The gateway's own entry in the header `via`. */
    readonly via: string
    readonly allowedHosts: readonly string[]
    readonly allowedOrigins: readonly string[]
    readonly maxBodyBytes: number
    /** Limits the memory of large requests in progress. */
    readonly heldBytes: HeldBytes
  }
  /** Who sends a request, and where senders get tokens. */
  readonly identity: {
    readonly verifier: TokenVerifier
    readonly tickets: Tickets
    readonly refusals: RefusalLog
    /** Whether a tenant's `x-agent-name` header is believed without the token's consent. */
    readonly trustsAgentHeader: (tenantId: string) => boolean
    readonly authorizationServers: () => readonly string[]
    /** Scopes that clients should ask for. */
    readonly scopes: () => readonly string[]
  }
  readonly mcp: {
    readonly streamableHttp: StreamableHttpEndpoint
    readonly sse: SseEndpoint
    readonly webSocket: WebSocketEndpoint
  }
  /** Where people sign in and clients get tokens. */
  readonly oauth: {
    readonly programs: Router
    /** Routes for people, who have a browser session instead of a token. */
    readonly browsers: readonly Router[]
    readonly rest: Router
  }
  /** What the pages for people need. */
  readonly dashboard: Pick<DashboardOptions, 'sessions' | 'history' | 'hasMcpRegistry'>
  /** Whether the registry has been read. */
  readonly hasSnapshot: () => boolean
  readonly refusalTiming: RefusalTiming
  readonly lifecycle: Lifecycle
  readonly metrics: Metrics
}

/**
 * The chain of checks and routes of every request. Its order matters for security: nothing after `authenticate` sees a
 * request without a principal.
 */
export function createApp(options: AppOptions): Express {
  const { edge, identity, mcp, oauth, publicUrl, catalog, calls, lifecycle, hasSnapshot, metrics } = options
  const isAllowedOrigin = allowedOrigins(edge)
  const resource = { publicUrl, ...identity }
  const { upstreams } = options.servers
  const { enhancing } = options.features
  const rest = [
    restRoutes({ ...options, tickets: identity.tickets }),
    oauth.rest,
    serverHealth({ catalog, upstreams, enhancing }),
  ]
  const app = express()
  app.disable('x-powered-by')
  app.locals['errorsAt'] = errorsAt(publicUrl)
  app.set('etag', false) // answers are per caller; nothing may revalidate them for another. Lists of tools have their own
  app.set('query parser', 'simple') // no nested objects out of query strings
  app.use(requestContext) // first, so that every answer has its request id
  app.use(cors(isAllowedOrigin)) // before whatever may refuse: pages can read refusals, too
  app.use(headerCheck) // before anything reads what could be there twice
  app.use(loopCheck(edge.via)) // before the token, which a looping server may well have
  app.use(probes(lifecycle)) // before the host check: probes come by address, not by name
  app.use(hostCheck(edge.allowedHosts)) // before the token: a rebound browser must not even try one
  app.use(FOR_EVERY_ORIGIN, corsForAll, preflight) // pages of any origin may be clients; no cookie counts there
  app.use(oauth.programs) // how to get a token cannot need one
  app.use(protectedResource(resource)) // how to get a token cannot need one, and pages of any origin may know
  app.use(originCheck(isAllowedOrigin))
  app.use(preflight) // browsers send no token with it
  app.use(apiPage({ publicUrl }), docsPages({ publicUrl }), errorPages({ publicUrl })) // nothing in them is anybody's
  app.use(...oauth.browsers) // persons get a session there, and need no token for it
  const inside = restInside([
    readJson(edge.maxBodyBytes),
    knownQuery,
    ...rest,
    notFound,
    errorHandler(options),
  ])
  app.use(dashboardWhenAsked({ ...options, ...options.dashboard, ...edge, rest: inside })) // people have a session
  app.use(authenticate({ ...resource, metrics })) // from here on there is a principal
  app.use(whenReady(hasSnapshot)) // no list is empty only because the registry has not been read
  app.use(requireJson) // before the parser, which skips what it does not know
  app.use(readJson(edge.maxBodyBytes, edge.heldBytes)) // after the token, so that strangers cannot make us parse
  app.use(traceContext) // behind the body parser, whose events would lose it
  app.use(unlessGone) // behind everything that takes time
  app.use(boundUnread) // before everything that streams
  app.use(knownQuery) // before any route that would ignore what it does not know
  app.use(refuseWithoutScope({ catalog, calls })) // in front of conversations, whose answers are all HTTP 200
  app.use(mcpRoutes({ ...mcp, catalog, maxBodyBytes: edge.maxBodyBytes }))
  app.use(mcpForward({ catalog, calls }))
  app.use(...rest)
  app.use(notFound)
  app.use(addChallenge(challengesForScope(resource)))
  app.use(errorHandler(options))
  return app
}

function whenReady(hasSnapshot: () => boolean): express.RequestHandler {
  return (_request, _response, next) => {
    if (!hasSnapshot()) throw new GatewayError('not_ready')
    next()
  }
}

/** Makes the span that the headers name (W3C Trace Context) the parent of the request's own. */
const traceContext: express.RequestHandler = ({ headers }, _response, next) => {
  withRemoteParent({ traceparent: headers['traceparent'], tracestate: headers['tracestate'] }, next)
}
