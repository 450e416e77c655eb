import type { RequestListener } from 'node:http'
import type { OpenAudit } from '../audit/audit-open.ts'
import type { Settings } from '../config/settings.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { OpenFeatures } from '../features/features-open.ts'
import { serverRules } from '../registry/documents/server-rules.ts'
import { createApp } from '../http/app.ts'
import { DirectListener } from '../http/direct/direct-listener.ts'
import { scopesToAskFor } from '../http/scopes.ts'
import { challengesForScope } from '../http/step-up.ts'
import type { OpenIdentity } from '../identity/identity-open.ts'
import { type ConnectOptions, connectRoutes } from '../oauth/connect/connect-routes.ts'
import { hasAccounts, isolationKeyOf } from '../upstream/isolation-key.ts'
import { Tickets } from '../identity/tickets.ts'
import type { OpenMcp } from '../mcp/mcp-open.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { McpRegistry } from '../registry/official/mcp-registry.ts'
import { errorsAt } from '../rest/problem.ts'
import type { OpenOAuth } from '../oauth/oauth-open.ts'
import type { HeldBytes } from '../domain/concurrency/held-bytes.ts'
import type { CallHistory } from '../telemetry/metrics/call-history.ts'
import { claimPlaces } from './claim-places.ts'
import type { OpenState } from '../state/state-open.ts'
import type { OpenControl } from './open-control.ts'
import type { OpenCalls } from './open-calls.ts'
import type { OpenServers } from './open-servers.ts'
import type { Runtime } from './runtime.ts'

interface Parts {
  /** The gateway's own entry in the header `via`. */
  readonly via: string
  /** Bounds large requests in progress. */
  readonly heldBytes: HeldBytes
  /** Seals the state that clients carry. */
  readonly keys: KeyRing
  readonly state: OpenState
  readonly audit: OpenAudit
  readonly identity: OpenIdentity
  readonly outbound: Outbound
  readonly servers: OpenServers
  readonly features: OpenFeatures
  readonly controlled: OpenControl
  readonly called: OpenCalls
  readonly mcp: OpenMcp
  readonly oauth: OpenOAuth
  /** What pages show of the last hour; undefined where there are none. */
  readonly history: CallHistory | undefined
}

/** How accounts are connected: afterwards the server is asked what it offers, so that its tools are listed. */
function connectOptions({ publicUrl }: Settings, { identity, servers, audit }: Parts): ConnectOptions {
  const { catalog, credentials, upstreams } = servers
  return {
    publicUrl,
    sessions: identity.browserSessions,
    credentials,
    snapshot: () => catalog.snapshot,
    acts: audit.acts,
    onConnected: (server, principal) => {
      if (!hasAccounts(server)) return
      const key = isolationKeyOf(server, { principal, sessionId: undefined })
      upstreams.poolFor(server, key, undefined, principal).start()
    },
  }
}

/** Builds what answers every request. */
export function openApp(settings: Settings, parts: Parts, runtime: Runtime): RequestListener {
  const { clock, logger, metrics, lifecycle } = runtime
  const { via, heldBytes, outbound, servers, features, mcp, oauth, audit, history } = parts
  const { calls, targets, limits, refusalTiming } = parts.called
  const { issuers, refusals, revokedGrants } = parts.identity
  const { tenants, registry, control } = parts.controlled
  const { publicUrl, allowedHosts, allowedOrigins, maxBodyBytes, platformAdminRole, mcpRegistryUrl } =
    settings
  const resource = {
    publicUrl,
    authorizationServers: () => issuers.authorizationServers,
    scopes: scopesToAskFor(settings.scopes, () => servers.catalog.snapshot),
  }
  const general = createApp({
    edge: { via, allowedHosts, allowedOrigins, maxBodyBytes, heldBytes },
    identity: {
      ...resource,
      verifier: issuers.verifier,
      tickets: new Tickets({ keys: parts.keys, state: parts.state.store, revokedGrants, clock }),
      refusals,
      trustsAgentHeader: (tenantId) =>
        settings.trustAgentHeader.includes(tenantId) || tenants.trustsAgentHeader(tenantId),
    },
    publicUrl,
    catalog: servers.catalog,
    calls,
    servers,
    features,
    registry: {
      store: registry.store,
      pipelineStore: registry.pipelineStore,
      mcpRegistry:
        mcpRegistryUrl === undefined ? undefined : new McpRegistry({ url: mcpRegistryUrl, outbound }),
      platformAdminRole,
      rules: serverRules(settings),
      maxServersOf: (tenantId) => tenants.quotasOf(tenantId)?.servers,
      tenantOf: (tenantId) => tenants.snapshot.byId.get(tenantId),
    },
    mcp,
    oauth: { ...oauth, browsers: [oauth.browsers, connectRoutes(connectOptions(settings, parts))] },
    dashboard: {
      sessions: parts.identity.browserSessions,
      history,
      hasMcpRegistry: mcpRegistryUrl !== undefined,
    },
    approverRoles: settings.approverRoles,
    records: audit,
    chain: audit,
    persons: audit.persons,
    acts: audit.acts,
    access: {
      issuers: issuers.verifier,
      claimPlaces: claimPlaces(settings, tenants),
      limits,
      watched: () => mcp.viewWatch.sessions(),
      sessions: mcp.sessions,
    },
    hasSnapshot: () => control.hasSnapshot,
    refusalTiming,
    clock,
    logger,
    metrics,
    lifecycle,
  })
  if (settings.directPath === 'off') return general
  const { catalog } = servers
  const { sessions, methods, lists, info, streamableHttp, sse } = mcp
  const hasSnapshot = (): boolean => control.hasSnapshot
  const { verifier } = issuers
  const checks = { verifier, allowedHosts, maxBodyBytes, heldBytes, hasSnapshot, sessions }
  return new DirectListener({
    ...checks,
    streamableHttp,
    sse,
    catalog,
    calls,
    targets,
    methods,
    lists,
    info,
    challengeFor: challengesForScope(resource),
    errorsAt: errorsAt(publicUrl),
    metrics,
    clock,
    logger,
    general,
  }).listener
}
