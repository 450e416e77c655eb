import { join } from 'node:path'
import { AuditLog } from './audit/audit-log.ts'
import { SqliteAuditStore } from './audit/sqlite-store.ts'
import { RemoteKeySet } from './auth/key-set.ts'
import { LOCAL_ISSUER_SETTINGS, LocalIssuer } from './auth/local-issuer.ts'
import { TokenVerifier } from './auth/token-verifier.ts'
import { Catalog } from './catalog/catalog.ts'
import { ViewWatch } from './catalog/view-watch.ts'
import { atPort, type Settings } from './config/load.ts'
import { makePrivateDirectory } from './config/private-file.ts'
import { VERSION } from './config/version.ts'
import { Reconciler } from './control/reconciler.ts'
import { sleep, systemClock } from './domain/clock.ts'
import { createApp } from './http/app.ts'
import { HttpListener } from './http/listen.ts'
import { Lifecycle } from './lifecycle.ts'
import { SessionStore } from './mcp/session-store.ts'
import { SseEndpoint } from './mcp/sse-endpoint.ts'
import { StreamableHttpEndpoint } from './mcp/streamable-http-endpoint.ts'
import { writeExampleRegistry } from './registry/example-registry.ts'
import { FileSource } from './registry/file-source.ts'
import { authorize } from './routing/authorize.ts'
import { Calls } from './routing/calls.ts'
import { deadline } from './routing/deadline.ts'
import { dispatch } from './routing/dispatch.ts'
import { record } from './routing/record.ts'
import type { Logger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { startMetricsEndpoint } from './telemetry/metrics-endpoint.ts'
import { createConnector } from './upstream/connection/connect.ts'
import { type ServerStatus, Upstreams } from './upstream/upstreams.ts'

/** Time for everything that closes after the calls in flight: sessions, sockets, children, records. */
const CLOSE_MS = 6000
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
  options: { logger: Logger; onServerState?: (status: ServerStatus) => void },
): Promise<Gateway> {
  const { logger } = options
  const clock = systemClock
  const lifecycle = new Lifecycle({ clock })
  const closeAll = closeOnce(lifecycle, given.drainTimeoutMs + CLOSE_MS)
  try {
    const listener = await HttpListener.open(given)
    lifecycle.onClose('http', () => listener.close(HTTP_GRACE_MS))
    const settings = atPort(given, listener.port)
    await makePrivateDirectory(settings.dataDir)
    const wroteExample = await writeExampleRegistry(settings.registryFile, {
      filesFolder: join(settings.dataDir, 'files'),
    })

    const metrics = new Metrics()
    lifecycle.onClose('metrics', () => metrics.close())
    const metricsUrl = await openMetrics(settings, metrics, lifecycle)

    const store = await SqliteAuditStore.open({
      dir: settings.dataDir,
      retentionDays: settings.auditRetentionDays,
      clock,
      logger,
    })
    lifecycle.onClose('audit store', () => store.close())
    const audit = new AuditLog({ store, clock, logger, queueLimit: settings.auditQueueLimit })
    lifecycle.onClose('audit log', () => audit.close(CLOSE_MS / 2))

    const localIssuer = settings.localIssuer
      ? await LocalIssuer.open({ dir: settings.dataDir, clock })
      : undefined
    const verifier = openVerifier(settings, localIssuer, lifecycle, logger)

    const catalog = new Catalog()
    const upstreams = new Upstreams({
      connect: createConnector({
        clientInfo: { name: 'tool-gateway', version: VERSION },
        maxMessageBytes: settings.maxUpstreamMessageBytes,
        packageDirs: [join(settings.dataDir, 'packages', 'node_modules')],
        dataDir: settings.dataDir,
        clock,
        logger,
      }),
      clock,
      random: Math.random,
      logger,
      startConcurrency: settings.startConcurrency,
      connectTimeoutMs: settings.connectTimeoutMs,
      drainTimeoutMs: settings.drainTimeoutMs,
      onOffer: (key, offer) => catalog.setOffer(key, offer),
      onState: (key, status) => {
        catalog.setAvailable(key, status.state === 'ready')
        options.onServerState?.(status)
      },
    })
    lifecycle.onClose('upstreams', () => upstreams.close())

    const reconciler = new Reconciler({ upstreams, catalog, logger })
    const source = new FileSource({
      path: settings.registryFile,
      defaultTenant: settings.defaultTenant,
      clock,
      logger,
    })
    lifecycle.onClose('registry', () => source.close())
    let hasSnapshot = false
    lifecycle.readyWhen('registry', () => hasSnapshot)

    const calls = new Calls({
      clock,
      stages: [
        record({ audit, metrics, clock, logger }), // first: whatever happens behind it is recorded
        authorize(catalog), // before anything is spent on the call
        deadline(settings),
        dispatch({ upstreams, clock }),
      ],
    })
    const viewWatch = new ViewWatch({ catalog, clock })
    lifecycle.onClose('view watch', () => viewWatch.close())
    const sessions = new SessionStore({
      limits: {
        maxSessions: settings.maxSessions,
        maxSessionsPerPrincipal: settings.maxSessionsPerPrincipal,
        idleMs: settings.sessionIdleMs,
      },
      clock,
      onEnd: ({ id }) => upstreams.release(`session:${id}`),
    })
    const endpointOptions = {
      info: { name: 'tool-gateway', version: VERSION },
      catalog,
      calls,
      sessions,
      viewWatch,
      clock,
      logger,
    }
    const streamableHttp = new StreamableHttpEndpoint(endpointOptions)
    const sse = new SseEndpoint(endpointOptions)

    const app = createApp({
      ...settings,
      authorizationServers: settings.issuers.map(({ issuer }) => issuer),
      trustedTenants: settings.trustAgentHeader,
      hasSnapshot: () => hasSnapshot,
      lifecycle,
      verifier,
      catalog,
      calls,
      upstreams,
      auditStore: store,
      streamableHttp,
      sse,
      metrics,
      logger,
    })
    metrics.observe({
      sessions: () => sessions.counts(),
      servers: () => countStates(upstreams),
      auditQueue: () => audit.depth,
      generation: () => catalog.snapshot.generation,
    })
    listener.serve(app)
    lifecycle.onClose('sessions', async () => {
      sessions.close()
      await streamableHttp.close()
    })
    lifecycle.onClose('calls in flight', async () => {
      await Promise.race([calls.drain(), sleep(clock, settings.drainTimeoutMs)])
      await sleep(clock, FLUSH_MS)
    })

    await source.start((snapshot) => {
      hasSnapshot = true
      reconciler.apply(snapshot)
    })
    const url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${listener.port}`
    logger.info(
      { url, metricsUrl, registry: settings.registryFile, version: VERSION },
      'gateway is listening',
    )
    return {
      url,
      metricsUrl,
      wroteExample,
      localIssuer,
      statuses: () => [...upstreams.statuses().values()],
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

async function openMetrics(
  settings: Settings,
  metrics: Metrics,
  lifecycle: Lifecycle,
): Promise<string | undefined> {
  if (settings.metricsPort === undefined) return undefined
  const endpoint = await startMetricsEndpoint({
    metrics,
    host: settings.metricsHost,
    port: settings.metricsPort,
  })
  lifecycle.onClose('metrics endpoint', () => endpoint.close())
  return endpoint.url
}

function openVerifier(
  settings: Settings,
  localIssuer: LocalIssuer | undefined,
  lifecycle: Lifecycle,
  logger: Logger,
): TokenVerifier {
  const remote = settings.issuers.map((issuer) => {
    const keys = new RemoteKeySet({
      issuer: issuer.issuer,
      jwksUrl: issuer.jwksUrl,
      clock: systemClock,
      logger,
    })
    lifecycle.onClose('key set', () => keys.close())
    return { settings: issuer, keys }
  })
  const local = localIssuer === undefined ? [] : [{ settings: LOCAL_ISSUER_SETTINGS, keys: localIssuer.keys }]
  return new TokenVerifier({ issuers: [...remote, ...local], clock: systemClock })
}

function countStates(upstreams: Upstreams): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state } of upstreams.statuses().values()) counts[state] = (counts[state] ?? 0) + 1
  return counts
}
