import express, { type Express, Router } from 'express'
import { auditRoutes } from '../rest/management/audit.ts'
import { cacheRoutes } from '../rest/management/caches.ts'
import { enhanceRoutes } from '../rest/enhance.ts'
import { knownQuery } from '../rest/known-query.ts'
import { pipelineWriteRoutes } from '../rest/management/pipeline-writes.ts'
import { pipelineRoutes } from '../rest/pipelines.ts'
import { promptRoutes } from '../rest/prompts.ts'
import { resourceRoutes } from '../rest/resources.ts'
import { serverActionRoutes } from '../rest/management/server-actions.ts'
import { serverInspectRoutes } from '../rest/management/server-inspect.ts'
import { serverInstallRoutes } from '../rest/management/server-install.ts'
import { serverLogRoutes } from '../rest/management/server-logs.ts'
import { serverWriteRoutes } from '../rest/management/server-writes.ts'
import { serverRoutes } from '../rest/management/servers.ts'
import { toolRoutes } from '../rest/tools.ts'
import type { AuditStore } from '../audit/audit-store.ts'
import type { RefusalLog } from '../identity/refusal-log.ts'
import type { TokenVerifier } from '../identity/token-verifier.ts'
import type { Caches } from '../features/features-open.ts'
import type { PipelineCheck } from '../features/pipelines/pipeline-check.ts'
import type { PipelineRuns } from '../features/pipelines/pipeline-runs.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { OpenEnhancer } from '../features/enhancement/enhancer-open.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { SseEndpoint } from '../mcp/transports/sse-endpoint.ts'
import type { StreamableHttpEndpoint } from '../mcp/transports/streamable-http-endpoint.ts'
import type { WebSocketEndpoint } from '../mcp/transports/websocket-endpoint.ts'
import type { RegistryStore } from '../registry/registry-store.ts'
import type { Calls } from '../calls/calls.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { ProcessLogs } from '../upstream/stdio/process-log.ts'
import type { Inspector } from '../upstream/inspection.ts'
import type { PackageInstaller } from '../upstream/packages/package-installer.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { authenticate } from './middleware/authenticate.ts'
import { readJson, requireJson } from './middleware/body.ts'
import { cors, preflight } from './middleware/cors.ts'
import { errorHandler } from './middleware/error-handler.ts'
import { headerCheck } from './middleware/header-check.ts'
import { probes, serverHealth } from './health.ts'
import { allowedOrigins, hostCheck, originCheck } from './middleware/host-check.ts'
import { loopCheck } from './middleware/loop-check.ts'
import { mcpForward } from './mcp-forward.ts'
import { mcpRoutes } from './mcp-routes.ts'
import { notFound } from './not-found.ts'
import { protectedResource } from './protected-resource.ts'
import { requestContext } from './middleware/request-context.ts'
import { boundUnread, unlessGone } from './middleware/response-guards.ts'
import { traceContext } from './middleware/trace-context.ts'

/** What the HTTP application needs; `gateway.ts` builds each part. */
export interface AppOptions {
  /** The gateway's own entry in the header `via`. */
  readonly via: string
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly authorizationServers: () => readonly string[]
  readonly scopes: () => readonly string[]
  readonly refusals: RefusalLog
  readonly trustsAgentHeader: (tenantId: string) => boolean
  readonly maxBodyBytes: number
  readonly publicUrl: string
  readonly hasSnapshot: () => boolean
  readonly lifecycle: Lifecycle
  readonly verifier: TokenVerifier
  readonly catalog: Catalog
  readonly calls: Calls
  readonly upstreams: Upstreams
  readonly processLogs: ProcessLogs
  readonly inspector: Inspector
  readonly installer: PackageInstaller
  readonly clock: Clock
  readonly auditStore: AuditStore
  readonly enhancing: OpenEnhancer
  readonly caches: Caches
  readonly registryStore: RegistryStore
  readonly pipelineStore: RegistryStore
  readonly pipelineCheck: PipelineCheck
  readonly pipelineRuns: PipelineRuns
  readonly platformAdminRole: string
  readonly maxServersOf: (tenantId: string) => number | undefined
  readonly streamableHttp: StreamableHttpEndpoint
  readonly sse: SseEndpoint
  readonly webSocket: WebSocketEndpoint
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * The request pipeline. The order is the security of it: nothing behind `authenticate` sees a request without a
 * principal.
 */
export function createApp(options: AppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false) // answers are per caller; nothing may revalidate them for another
  app.set('query parser', 'simple') // no nested objects out of query strings
  const isAllowedOrigin = allowedOrigins(options)
  app.use(requestContext) // first, so that every answer has its request id
  app.use(cors(isAllowedOrigin)) // before whatever may refuse: pages can read refusals, too
  app.use(headerCheck) // before anything reads what could be there twice
  app.use(loopCheck(options.via)) // before the token, which a looping server may well have
  app.use(probes(options.lifecycle)) // before the host check: probes come by address, not by name
  app.use(hostCheck(options.allowedHosts)) // before the token: a rebound browser must not even try one
  app.use(protectedResource(options)) // how to get a token cannot need one, and pages of any origin may know
  app.use(originCheck(isAllowedOrigin))
  app.use(preflight) // browsers send no token with it
  app.use(authenticate(options)) // from here on there is a principal
  app.use(whenReady(options)) // no list is empty only because the registry has not been read
  app.use(requireJson) // before the parser, which skips what it does not know
  app.use(readJson(options.maxBodyBytes)) // after the token, so that strangers cannot make us parse
  app.use(traceContext) // behind the body parser, whose events would lose it
  app.use(unlessGone) // behind everything that takes time
  app.use(boundUnread) // before everything that streams
  app.use(knownQuery) // before any route that would ignore what it does not know
  app.use(mcpRoutes(options))
  app.use(mcpForward(options))
  app.use('/v1', v1(options))
  app.use(servers(options)) // where clients of such gateways look for them
  app.use('/ollama', enhanceRoutes(options)) // where clients of such gateways look for it
  app.use(serverHealth(options))
  app.use(notFound)
  app.use(errorHandler(options.logger))
  return app
}

function v1(options: AppOptions): Router {
  const router = Router()
  router.use(toolRoutes(options))
  router.use(resourceRoutes(options))
  router.use(promptRoutes(options))
  router.use(pipelineRoutes(options))
  router.use(pipelineWriteRoutes(options))
  router.use(servers(options))
  router.use(enhanceRoutes(options))
  router.use(cacheRoutes(options))
  router.use(auditRoutes({ store: options.auditStore }))
  return router
}

function servers(options: AppOptions): Router {
  const router = Router()
  router.use(serverRoutes(options))
  router.use(serverInstallRoutes(options)) // before the routes of a server, which could have that name
  router.use(serverActionRoutes(options))
  router.use(serverLogRoutes(options))
  router.use(serverInspectRoutes(options))
  router.use(serverWriteRoutes(options))
  return router
}

function whenReady({ hasSnapshot }: AppOptions): express.RequestHandler {
  return (_request, _response, next) => {
    if (!hasSnapshot()) throw new GatewayError('not_ready')
    next()
  }
}
