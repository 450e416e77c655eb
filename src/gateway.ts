import { join } from 'node:path'
import { AuditLog } from './audit/audit-log.ts'
import { openAuditStore } from './audit/audit-open.ts'
import { LocalIssuer } from './identity/local-issuer.ts'
import { LOCAL_ISSUER } from './identity/local-names.ts'
import { RefusalLog } from './identity/refusal-log.ts'
import { TrustedIssuers } from './identity/trusted-issuers.ts'
import { openBuiltins } from './features/features-open.ts'
import { Catalog } from './catalog/catalog.ts'
import { ViewWatch } from './catalog/view-watch.ts'
import { atPort, type Settings } from './config/settings.ts'
import { lockDataDirectory } from './files/data-lock.ts'
import { makeDataDirectory } from './config/data-directory.ts'
import { privateKey } from './config/private-key.ts'
import { registryPlace } from './config/start-notes.ts'
import { VERSION } from './config/version.ts'
import { ControlPath } from './reconcile/control-path.ts'
import { sleep, systemClock as clock } from './domain/clock.ts'
import { viaOf } from './domain/via.ts'
import { createApp } from './http/app.ts'
import { openConnections } from './http/descriptors.ts'
import { HttpListener } from './http/listen.ts'
import { scopesToAskFor } from './http/scopes.ts'
import { Lifecycle } from './lifecycle.ts'
import { SessionStore } from './mcp/session/session-store.ts'
import type { EndpointOptions } from './mcp/transports/modern-endpoint.ts'
import { SseEndpoint } from './mcp/transports/sse-endpoint.ts'
import { StreamableHttpEndpoint } from './mcp/transports/streamable-http-endpoint.ts'
import { WebSocketEndpoint } from './mcp/transports/websocket-endpoint.ts'
import { writeExampleRegistry } from './registry/file/example-registry.ts'
import { openRegistry } from './registry/registry-open.ts'
import { openSecrets } from './secrets/secrets-open.ts'
import { TenantDirectory, type TenantQuotas } from './registry/tenants.ts'
import { Allowances } from './calls/limits/allowances.ts'
import { Calls } from './calls/calls.ts'
import { sessionKey } from './calls/stages/choose-pool.ts'
import { Interruption } from './calls/stages/interruption.ts'
import { Limits } from './calls/stages/limits.ts'
import { loadStages } from './calls/operator/load-stages.ts'
import { pipeline } from './calls/pipeline.ts'
import { StateSeal } from './calls/state-seal.ts'
import { TaskHandles } from './calls/tasks/task-handles.ts'
import { TaskMemory } from './calls/tasks/task-memory.ts'
import { TenantShares } from './calls/limits/tenant-shares.ts'
import { openDatabase } from './firestore/firestore-open.ts'
import type { Logger } from './telemetry/logger.ts'
import { Metrics, type MetricsExport } from './telemetry/metrics/metrics.ts'
import { openMetricsEndpoint } from './telemetry/metrics/metrics-endpoint.ts'
import { openUpstreams } from './upstream/upstream-open.ts'
import type { ServerStatus } from './upstream/pool/server-pools.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Time for everything that closes after the calls in flight: sessions, sockets, children, records. */
const CLOSE_MS = 4000
const HTTP_GRACE_MS = 500
/** From the end of a call until its answer has left the sessions and sockets, which close next. */
const FLUSH_MS = 100

/** A running gateway. */
export interface Gateway {
  /** Where it listens, for example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly metricsUrl: string | undefined
  /** Whether this start wrote the example registry. */
  readonly wroteExample: boolean
  /** Signs tokens in the embedded mode; undefined where only identity providers count. */
  readonly localIssuer: LocalIssuer | undefined
  readonly statuses: () => readonly ServerStatus[]
  readonly callsInFlight: () => number
  /**
   * Shuts down: not ready at once, no new sessions and calls, calls in flight finish within the drain deadline,
   * children stopped, records written. Resolves with what could not be closed in time. Idempotent.
   */
  close(): Promise<readonly { name: string; error: unknown }[]>
}

/**
 * Builds every part in the order of their ranks, registers how each one closes, and starts.
 * @throws Error when the port is taken, or when the data directory or the registry file cannot be used
 */
export async function startGateway(
  given: Settings,
  options: {
    logger: Logger
    onServerState?: (status: ServerStatus) => void
    /** Where metrics go beside Prometheus. */
    metricsExport?: MetricsExport
  },
): Promise<Gateway> {
  const { logger } = options
  const lifecycle = new Lifecycle({ clock })
  const closeAll = closeOnce(lifecycle, given.drainTimeoutMs + CLOSE_MS)
  try {
    const onClose = lifecycle.onClose.bind(lifecycle)
    // Before anything is opened: what is wrong with them is wrong with the settings.
    const ownStages = await loadStages(given.callStages, { clock, logger, onClose })
    await makeDataDirectory(given.dataDir)
    lifecycle.onClose('data directory', await lockDataDirectory(given.dataDir))
    const connections = await openConnections(given, { clock, logger, onClose })
    const listener = await HttpListener.open({ ...given, connections })
    lifecycle.onClose('http', () => listener.close(HTTP_GRACE_MS))
    const settings = atPort(given, listener.port)
    const metrics = new Metrics(options.metricsExport)
    lifecycle.onClose('metrics', () => metrics.close())
    const metricsUrl = await openMetricsEndpoint(settings, { metrics, onClose })

    // After everything that a wrong setting can keep from opening, so that the start that succeeds says that it wrote
    // it.
    const wroteExample =
      settings.store === 'file' &&
      (await writeExampleRegistry(settings.registryFile, { filesFolder: join(settings.dataDir, 'files') }))

    const firestore = await openDatabase(settings, lifecycle)
    const ofRecords = { clock, random: Math.random, logger }
    const store = await openAuditStore(settings, { firestore, ...ofRecords })
    lifecycle.onClose('audit store', () => store.close())
    const audit = new AuditLog({
      ...ofRecords,
      store,
      queueLimit: settings.auditQueueLimit,
      onLate: () => metrics.lateRecord(),
    })
    lifecycle.onClose('audit log', () => audit.close(CLOSE_MS / 2))

    const localIssuer = settings.localIssuer
      ? await LocalIssuer.open({ dir: settings.dataDir, clock })
      : undefined
    const issuers = new TrustedIssuers({ ...settings, localIssuer, clock, logger })
    lifecycle.onClose('issuers', () => issuers.close())
    const directory = new TenantDirectory({
      defaults: settings.issuerDefaults,
      reservedIssuers: [...settings.issuers.map(({ issuer }) => issuer), LOCAL_ISSUER],
      serving: () => control.tenants,
    })
    directory.onChange(() =>
      issuers.setTenantIssuers([...directory.snapshot.byId.values()].flatMap((tenant) => tenant.issuers)),
    )

    const catalog = new Catalog({
      onWanted: (key) => upstreams.wake(key),
      onClient: (key) => upstreams.look(key),
    })
    const secrets = openSecrets(settings, {
      env: process.env,
      clock,
      logger,
      random: Math.random,
      users: {
        reconnect: (key, reason) => upstreams.reconnect(key, reason),
        isDown: (key) => upstreams.isDown(key),
      },
    })
    lifecycle.onClose('secrets', () => secrets.close())
    const stateKey = await privateKey(settings.stateKey, join(settings.dataDir, 'state.key'))
    const via = viaOf(stateKey)
    const servers = openUpstreams(settings, {
      via,
      resolveSecret: (reference) => secrets.resolve(reference),
      metrics,
      clock,
      random: Math.random,
      logger,
      onOffer: (key, offer) => catalog.setOffer(key, offer),
      onState: (key, status) => {
        catalog.setAvailable(key, status.state === 'ready')
        options.onServerState?.(status)
      },
      onBreaker: (server, state) => metrics.breaker(server, state),
      onBusy: (server) => metrics.busy(server),
    })
    const upstreams: Upstreams = servers.upstreams
    lifecycle.onClose('upstreams', () => servers.close())

    const own = openBuiltins(settings, { catalog, calls: () => calls, metrics, clock, logger })
    lifecycle.onClose('enhancer', () => own.enhancing.close())
    const registry = await openRegistry(settings, {
      firestore,
      directory,
      clock,
      random: Math.random,
      logger,
    })
    const control = new ControlPath({
      registry,
      lifecycle,
      upstreams,
      catalog: own.builtins,
      followers: { secrets, processLogs: servers.processLogs },
      clock,
      logger,
    })

    const seal = new StateSeal({ key: stateKey, clock })
    const tasks = { handles: new TaskHandles({ key: stateKey }), memory: new TaskMemory() }
    const interruption = new Interruption()
    const quotasOf = (tenantId: string): TenantQuotas | undefined =>
      directory.snapshot.byId.get(tenantId)?.quotas
    const calls = new Calls({
      clock,
      stages: pipeline({
        ...settings,
        audit,
        catalog,
        upstreams,
        interruption,
        limits: new Limits({ allowances: new Allowances({ clock }), quotasOf }),
        shares: new TenantShares({ maxOf: (tenantId) => quotasOf(tenantId)?.concurrentCalls }),
        ownStages,
        own,
        seal,
        tasks,
        clock,
        random: Math.random,
        logger,
        metrics,
      }),
    })
    const viewWatch = new ViewWatch({ catalog, clock })
    lifecycle.onClose('view watch', () => viewWatch.close())
    const sessions = new SessionStore({
      limits: {
        maxSessions: settings.maxSessions,
        maxSessionsOfTenant: (tenantId) => quotasOf(tenantId)?.sessions ?? settings.maxSessionsPerTenant,
        maxSessionsPerPrincipal: settings.maxSessionsPerPrincipal,
        idleMs: settings.sessionIdleMs,
      },
      clock,
      onEnd: ({ id }) => upstreams.release(sessionKey(id)),
    })
    const endpointOptions = {
      info: { name: 'tool-gateway', version: VERSION },
      publicUrl: settings.publicUrl,
      catalog,
      calls,
      declared: upstreams,
      taskHandles: tasks.handles,
      metrics,
      tellServers: (sessionId, method, params) => upstreams.tell(sessionKey(sessionId), method, params),
      sessions,
      viewWatch,
      clock,
      logger,
    } satisfies EndpointOptions
    const streamableHttp = new StreamableHttpEndpoint(endpointOptions)

    const app = createApp({
      ...settings,
      via,
      ...servers,
      ...own,
      clock,
      authorizationServers: () => issuers.authorizationServers,
      scopes: scopesToAskFor(settings.scopes, () => catalog.snapshot),
      refusals: new RefusalLog({ logger, clock }),
      trustsAgentHeader: (tenantId) =>
        settings.trustAgentHeader.includes(tenantId) ||
        directory.snapshot.byId.get(tenantId)?.trustAgentHeader === true,
      registryStore: registry.store,
      pipelineStore: registry.pipelineStore,
      maxServersOf: (tenantId) => quotasOf(tenantId)?.servers,
      hasSnapshot: () => control.hasSnapshot,
      lifecycle,
      verifier: issuers.verifier,
      catalog,
      calls,
      auditStore: store,
      streamableHttp,
      sse: new SseEndpoint(endpointOptions),
      webSocket: new WebSocketEndpoint(endpointOptions),
      metrics,
      logger,
    })
    metrics.observe({
      sessions: () => sessions.counts(),
      servers: () => countStates(upstreams),
      auditQueue: () => audit.depth,
      ...(store.spool !== undefined && { auditSpool: store.spool }),
      breakers: () => upstreams.breakers(),
      fleet: () => upstreams.statuses().values(),
      secrets: () => secrets.counts(),
      caches: own.cacheStates,
      generation: () => catalog.snapshot.generation,
      registryAgeSeconds: () => registry.freshness().ageMs / 1000,
      isRegistryStale: () => control.isStale,
      heldRemovals: () => registry.freshness().held,
    })
    listener.serve(app)
    lifecycle.onClose('sessions', async () => {
      sessions.close()
      await streamableHttp.close()
    })
    lifecycle.onClose('calls in flight', async () => {
      await Promise.race([calls.drain(), sleep(clock, settings.drainTimeoutMs)])
      interruption.shutDown()
      await sleep(clock, FLUSH_MS)
    })

    await control.start({ onFirst: () => issuers.warnIfNone() })
    const url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${listener.port}`
    logger.info(
      { url, metricsUrl, registry: registryPlace(settings), version: VERSION },
      'gateway is listening',
    )
    return {
      url,
      metricsUrl,
      wroteExample,
      localIssuer,
      statuses: () => [...upstreams.statuses().values()],
      callsInFlight: () => calls.inFlight,
      close: () => {
        sessions.stopAccepting()
        return closeAll()
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

function closeOnce(lifecycle: Lifecycle, deadlineMs: number): () => ReturnType<Lifecycle['close']> {
  let closing: ReturnType<Lifecycle['close']> | undefined
  return () => (closing ??= lifecycle.close(deadlineMs))
}

function countStates(upstreams: Upstreams): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state } of upstreams.statuses().values()) counts[state] = (counts[state] ?? 0) + 1
  return counts
}
