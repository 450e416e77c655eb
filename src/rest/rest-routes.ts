import { Router } from 'express'
import type { Administration } from '../audit/administration.ts'
import type { RecordReader } from '../audit/audit-store.ts'
import type { Calls } from '../calls/calls.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { ToolPins } from '../catalog/pins/tool-pins.ts'
import type { OpenCredentials } from '../credentials/credentials-open.ts'
import type { Clock } from '../domain/clock.ts'
import type { OpenFeatures } from '../features/features-open.ts'
import type { Tickets } from '../identity/tickets.ts'
import type { ServerRules } from '../registry/documents/check-server.ts'
import type { McpRegistry } from '../registry/official/mcp-registry.ts'
import type { RegistryStore } from '../registry/registry-store.ts'
import type { Vault } from '../secrets/vault/vault.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { OpenUpstreams } from '../upstream/upstream-open.ts'
import { type AccessParts, accessRoutes } from './access/access-routes.ts'
import { approvalRoutes } from './approvals.ts'
import { connectionRoutes } from './connections.ts'
import { enhanceRoutes } from './enhance.ts'
import { type AuditRouteOptions, auditRoutes } from './management/audit.ts'
import { cacheRoutes } from './management/caches.ts'
import { mcpRegistryRoutes } from './management/mcp-registry.ts'
import { pinRoutes } from './management/pins.ts'
import { pipelineWriteRoutes } from './management/pipeline-writes.ts'
import { serverActionRoutes } from './management/server-actions.ts'
import { serverInspectRoutes } from './management/server-inspect.ts'
import { serverInstallRoutes } from './management/server-install.ts'
import { serverLogRoutes } from './management/server-logs.ts'
import { serverWriteRoutes } from './management/server-writes.ts'
import { serverRoutes } from './management/servers.ts'
import { vaultRoutes } from './management/vault.ts'
import { type TenantRouteOptions, tenantRoutes } from './management/tenant.ts'
import { openapiRoutes } from './openapi/openapi-routes.ts'
import { pipelineRoutes } from './pipelines.ts'
import { promptRoutes } from './prompts.ts'
import { resourceRoutes } from './resources.ts'
import { ticketRoutes } from './tickets.ts'
import { toolRoutes } from './tools.ts'

/** What the routes of REST use. */
export interface RestOptions {
  readonly publicUrl: string
  readonly catalog: Catalog
  readonly calls: Calls
  /** What reaches servers. */
  readonly servers: Pick<OpenUpstreams, 'upstreams' | 'processLogs' | 'inspector' | 'installer'> & {
    /** The accounts of callers at servers. */
    readonly credentials: Pick<OpenCredentials, 'connections' | 'links'>
    /** The definitions of tools that are trusted. */
    readonly pins: ToolPins
    /** The tokens of accounts. */
    readonly vault: Pick<Vault, 'rotate'>
  }
  readonly features: Pick<
    OpenFeatures,
    'enhancing' | 'caches' | 'pipelineCheck' | 'pipelineRuns' | 'runDirectory' | 'approvals'
  >
  /** Where documents are written, and who may write which. */
  readonly registry: {
    readonly store: RegistryStore
    readonly pipelineStore: RegistryStore
    /** Where servers to add are found; undefined where the settings have none. */
    readonly mcpRegistry: McpRegistry | undefined
    /** Role of those who may manage servers for all tenants and what is started on this machine. */
    readonly platformAdminRole: string
    /** What the settings forbid in documents of servers. */
    readonly rules: ServerRules
    /** How many servers a tenant may have; undefined for no limit. */
    readonly maxServersOf: (tenantId: string) => number | undefined
    readonly tenantOf: TenantRouteOptions['tenantOf']
  }
  /** Roles of those who may approve definitions of tools. */
  readonly approverRoles: readonly string[]
  readonly records: RecordReader
  readonly persons: AuditRouteOptions['persons']
  readonly chain: AuditRouteOptions['chain']
  /** Records what operators do. */
  readonly acts: Administration
  readonly tickets: Tickets
  /** What questions about access are answered from. */
  readonly access: AccessParts
  readonly clock: Clock
  readonly logger: Logger
}

/** All routes of REST. */
export function restRoutes(options: RestOptions): Router {
  const { calls, catalog, features } = options
  const servers = managementRoutes(options)
  const enhance = enhanceRoutes({ calls, catalog, enhancing: features.enhancing })
  const router = Router()
  router.use('/v1', callRoutes(options), servers, enhance, platformRoutes(options))
  router.use(servers) // where clients of such gateways look for them
  router.use('/ollama', enhance) // where clients of such gateways look for it
  return router
}

/** What the servers of the caller have, and using it. */
function callRoutes(options: RestOptions): Router {
  const { publicUrl, catalog, calls, servers, features, registry, acts, logger } = options
  const { pipelineCheck, pipelineRuns, runDirectory } = features
  const { pipelineStore, platformAdminRole } = registry
  const router = Router()
  router.use(openapiRoutes({ catalog, publicUrl }))
  router.use(toolRoutes({ catalog, calls }))
  router.use(approvalRoutes({ ...features.approvals, platformAdminRole }))
  router.use(resourceRoutes({ catalog, calls }))
  router.use(promptRoutes({ catalog, calls }))
  router.use(connectionRoutes({ publicUrl, catalog, credentials: servers.credentials, acts, logger }))
  router.use(pipelineRoutes({ catalog, calls, pipelineRuns, runDirectory, publicUrl }))
  router.use(pipelineWriteRoutes({ catalog, pipelineStore, pipelineCheck, platformAdminRole, acts, logger }))
  return router
}

function managementRoutes(options: RestOptions): Router {
  const { publicUrl, catalog, acts, clock, logger } = options
  const { upstreams, processLogs, inspector, installer } = options.servers
  const { store: registryStore, platformAdminRole, rules, maxServersOf } = options.registry
  const managed = { catalog, platformAdminRole, rules, maxServersOf, acts, logger }
  const router = Router()
  router.use(serverRoutes({ catalog, upstreams, platformAdminRole }))
  // Before the routes of a server, which could have that name.
  router.use(serverInstallRoutes({ ...managed, registryStore, upstreams, installer, clock }))
  router.use(serverActionRoutes({ ...managed, upstreams }))
  router.use(serverLogRoutes({ ...managed, processLogs, clock }))
  router.use(serverInspectRoutes({ ...managed, inspector }))
  router.use(serverWriteRoutes({ ...managed, registryStore, upstreams, publicUrl }))
  return router
}

function platformRoutes(options: RestOptions): Router {
  const { catalog, servers, features, registry, approverRoles, records, acts, access, clock, logger } =
    options
  const { store, platformAdminRole, rules, tenantOf, mcpRegistry } = registry
  const { caches } = features
  const { upstreams } = servers
  const router = Router()
  router.use(ticketRoutes(options))
  router.use(mcpRegistryRoutes({ mcpRegistry, installer: servers.installer }))
  router.use(vaultRoutes({ vault: servers.vault, platformAdminRole, acts }))
  router.use(
    accessRoutes({ access, catalog, upstreams, store, rules, platformAdminRole, acts, clock, logger }),
  )
  router.use(cacheRoutes({ caches, platformAdminRole, acts, logger }))
  router.use(pinRoutes({ catalog, pins: servers.pins, approverRoles, platformAdminRole, acts }))
  router.use(auditRoutes({ records, persons: options.persons, chain: options.chain }))
  router.use(tenantRoutes({ records, store, tenantOf, sessions: access.sessions, clock }))
  return router
}
