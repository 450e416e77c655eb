import { join } from 'node:path'
import { type Assembly, assemble } from './assembly/assemble.ts'
import { loadStages } from './calls/operator/load-stages.ts'
import { makeDataDirectory } from './config/data-directory.ts'
import { atPort, type Settings } from './config/settings.ts'
import { SettingsError } from './config/load.ts'
import { missingKeys, registryPlace } from './config/start-notes.ts'
import { VERSION } from './config/version.ts'
import { sleep, systemClock as clock } from './domain/clock.ts'
import { TransitBytes } from './domain/concurrency/transit-bytes.ts'
import { mendJsonParse } from './domain/json/json.ts'
import { lockDataDirectory, lockId } from './files/data-lock.ts'
import { clientAddressOf } from './http/client-address.ts'
import { openConnections } from './http/connections/descriptors.ts'
import { SlowClients } from './http/connections/slow-clients.ts'
import { readiness } from './http/health.ts'
import { HttpListener } from './http/listen.ts'
import { coarseWorkMs, measureLoop, memoryLimit } from './http/overload/loop-load.ts'
import { gated } from './http/overload/request-gate.ts'
import { WorkGate } from './http/overload/work-gate.ts'
import { type ProbeThread, startProbes } from './http/probes/probe-thread.ts'
import type { LocalIssuer } from './identity/local-issuer.ts'
import { Lifecycle } from './lifecycle.ts'
import { writeExampleRegistry } from './registry/file/example-registry.ts'
import type { Outbound } from './outbound/outbound.ts'
import { withSharedKeys } from './secrets/shared-keys.ts'
import type { Logger } from './telemetry/logger.ts'
import { Metrics, type MetricsExport } from './telemetry/metrics/metrics.ts'
import { openMetricsEndpoint } from './telemetry/metrics/metrics-endpoint.ts'
import type { ServerStatus } from './upstream/pool/server-pools.ts'
import { endLeftOver } from './upstream/stdio/strays.ts'

/**
 * Time for everything that closes after the calls in flight: sessions, sockets, children, records. With the default of
 * DRAIN_TIMEOUT_MS the shutdown takes less than the ten seconds after which platforms kill the process.
 */
const CLOSE_MS = 2800
const HTTP_GRACE_MS = 500
/** Unread responses may take at most one in so many parts of the memory limit. */
const UNREAD_PART = 4
/** Above one in so many parts of those, large results in transit are received one after the other. */
const TRANSIT_PART = 2
/** Time to write the records of calls that were ended. */
const RECORD_MS = 1000
/** Time for processes that a killed gateway has left to end by themselves. */
const LEFT_OVER_MS = 2000
/** Time for the answers of ended calls to leave, before sessions and sockets close. */
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
  /** A one-time link that signs a browser in, in the embedded mode. */
  readonly signInLink: (() => string) | undefined
  readonly statuses: () => readonly ServerStatus[]
  readonly callsInFlight: () => number
  /**
   * Shuts down in two phases. First the gateway is not ready but still serves, until load balancers have noticed. Then it
   * refuses new sessions and calls, ends streams, so that their clients connect to another replica, lets calls in flight
   * finish within the drain deadline, stops children and writes records. Resolves with what could not be closed in time.
   * Idempotent.
   */
  close(): Promise<readonly { name: string; error: unknown }[]>
}

/**
 * Opens the sockets, builds every part, registers how each one closes, and starts.
 * @throws SettingsError when keys that all replicas share are missing; Error when the port is taken, or when the data
 * directory or the registry file cannot be used
 */
export async function startGateway(
  given: Settings,
  options: {
    logger: Logger
    onServerState?: (status: ServerStatus) => void
    /** Shows a one-time link that a browser asked for. */
    onSignInLink?: (url: string) => void
    /** Where metrics are exported in addition to Prometheus. */
    metricsExport?: MetricsExport
    /** How metadata documents of clients are fetched; by default from the public internet only. */
    documents?: Outbound
  },
): Promise<Gateway> {
  const { logger, onServerState = () => undefined, onSignInLink = () => undefined } = options
  mendJsonParse()
  const missing = missingKeys(given)
  if (missing.length > 0) throw new SettingsError(missing)
  const lifecycle = new Lifecycle({ clock })
  const closeAll = closeOnce(lifecycle, given.drainTimeoutMs + CLOSE_MS)
  try {
    const onClose = lifecycle.onClose.bind(lifecycle)
    // Before anything is opened, because their errors are errors of the settings.
    const ownStages = await loadStages(given.callStages, { clock, logger, onClose })
    const complete = await withSharedKeys(given, { clock })
    const metrics = new Metrics(options.metricsExport)
    lifecycle.onClose('metrics', () => metrics.close())
    const maxUnreadBytes = Math.min(complete.maxUnreadBytes, memoryLimit() / UNREAD_PART)
    const transit = new TransitBytes({ limit: maxUnreadBytes / TRANSIT_PART, clock })
    const bounded = { ...complete, maxUnreadBytes }
    const listener = await openListener(bounded, { logger, lifecycle, metrics, transit })
    const settings = atPort(complete, listener.port)
    const metricsUrl = await openMetricsEndpoint(settings, { metrics, onClose })
    const probes = await openProbes(settings, lifecycle)
    // After everything that an invalid setting can prevent from opening, so that only a successful start writes it.
    const wroteExample = await writeExample(settings)
    const gate = openGate(settings, metrics)
    lifecycle.onClose('work gate', () => gate.close())
    const { admit } = gate
    const { env } = process
    const { documents } = options
    const runtime = {
      clock,
      random: Math.random,
      env,
      logger,
      metrics,
      lifecycle,
      ownStages,
      admit,
      transit,
      onServerState,
      onSignInLink,
      ...(documents !== undefined && { documents }),
    }
    const { app, control, identity, calls, servers, mcp, oauth, interruption } = await assemble(
      settings,
      runtime,
    )
    const { verifier } = identity.issuers
    // Queued requests start while everything that serves them is still open.
    lifecycle.onClose('waiting requests', () => gate.close())
    const { trustedProxies } = settings
    const addressOf = trustedProxies === undefined ? undefined : clientAddressOf(trustedProxies)
    listener.serve(gated({ admit, verifier, clock, addressOf }, app))
    const drainMs = Math.max(0, settings.drainTimeoutMs - settings.drainNoticeMs)
    lifecycle.onClose('calls in flight', () => endCalls({ calls, interruption }, drainMs))
    await control.start({ onFirst: () => identity.issuers.warnIfNone() })
    const url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${listener.port}`
    logger.info(
      { url, metricsUrl, registry: registryPlace(settings), version: VERSION },
      'gateway is listening',
    )
    let closing: ReturnType<typeof closeAll> | undefined
    const retire = async (): ReturnType<typeof closeAll> => {
      lifecycle.stopAccepting()
      listener.retire()
      probes?.say()
      if (settings.drainNoticeMs > 0) await sleep(clock, settings.drainNoticeMs)
      mcp.sessions.retire()
      return closeAll()
    }
    return {
      url,
      metricsUrl,
      wroteExample,
      localIssuer: identity.localIssuer,
      signInLink: oauth.signInLink,
      statuses: () => [...servers.upstreams.statuses().values()],
      callsInFlight: () => calls.inFlight,
      close: () => (closing ??= retire()),
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Locks the data directory and listens. Requests are answered 503 until the application is ready. */
async function openListener(
  { dataDir, host, port, sendTimeoutMs, maxUnreadBytes, ...limits }: Settings,
  {
    logger,
    lifecycle,
    metrics,
    transit,
  }: { logger: Logger; lifecycle: Lifecycle; metrics: Metrics; transit: TransitBytes },
): Promise<HttpListener> {
  await makeDataDirectory(dataDir)
  lifecycle.onClose('data directory', await lockDataDirectory(dataDir))
  const onClose = lifecycle.onClose.bind(lifecycle)
  const connections = await openConnections(limits, { clock, logger, onClose })
  const slowClients = new SlowClients({
    maxUnreadBytes,
    sendTimeoutMs,
    clock,
    logger,
    onClosed: (reason) => metrics.slowClient(reason),
  })
  transit.measureBy(() => slowClients.beingRead)
  const listener = await HttpListener.open({ host, port, connections, slowClients })
  lifecycle.onClose('http', () => listener.close(HTTP_GRACE_MS), { lane: 'http' })
  // The sockets are what keeps this process alive meanwhile.
  await endProcessesLeft(dataDir, logger)
  return listener
}

/** What a gateway that was killed has left would use the files of its servers beside those that start now. */
async function endProcessesLeft(dataDir: string, logger: Logger): Promise<void> {
  const processes = await endLeftOver(lockId(dataDir), { clock, graceMs: LEFT_OVER_MS })
  if (processes > 0) logger.warn({ processes }, 'ended processes of servers that a killed gateway had left')
}

/** Limits the requests and messages in progress. */
function openGate(
  { maxRequestsInProgress: max }: Pick<Settings, 'maxRequestsInProgress'>,
  metrics: Metrics,
): WorkGate {
  return new WorkGate({
    max,
    load: measureLoop(),
    readWork: coarseWorkMs(clock),
    clock,
    onRefused: () => metrics.overload(),
  })
}

/** Serves the probes at `PROBE_PORT`, if it is set. */
async function openProbes(
  { host, probePort: port }: Pick<Settings, 'host' | 'probePort'>,
  lifecycle: Lifecycle,
): Promise<ProbeThread | undefined> {
  if (port === undefined) return undefined
  const probes = await startProbes({ host, port, stateOf: () => readiness(lifecycle), clock })
  lifecycle.onClose('probes', () => probes.close(), { lane: 'http' })
  return probes
}

/** Writes the example registry if there is no registry file; resolves with whether it did. */
async function writeExample({ store, registryFile, dataDir }: Settings): Promise<boolean> {
  return store === 'file' && writeExampleRegistry(registryFile, { filesFolder: join(dataDir, 'files') })
}

/** Waits for calls in flight, ends those that take too long, and lets the answers leave. */
async function endCalls(
  { calls, interruption }: Pick<Assembly, 'calls' | 'interruption'>,
  drainTimeoutMs: number,
): Promise<void> {
  await Promise.race([calls.drain(), sleep(clock, drainTimeoutMs)])
  interruption.shutDown()
  // Each is answered once its record is written.
  await Promise.race([calls.drain(), sleep(clock, RECORD_MS)])
  const flushMs = FLUSH_MS - calls.idleMs
  if (flushMs > 0) await sleep(clock, flushMs)
}

function closeOnce(lifecycle: Lifecycle, deadlineMs: number): () => ReturnType<Lifecycle['close']> {
  let closing: ReturnType<Lifecycle['close']> | undefined
  return () => (closing ??= lifecycle.close(deadlineMs))
}
