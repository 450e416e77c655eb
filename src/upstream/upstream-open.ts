import { resolve } from 'node:path'
import type { Settings } from '../config/settings.ts'
import { VERSION } from '../config/version.ts'
import type { Clock } from '../domain/clock.ts'
import type { TransitBytes } from '../domain/concurrency/transit-bytes.ts'
import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import type { ResolveSecret } from '../domain/documents/secret-reference.ts'
import { lockId } from '../files/data-lock.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { CredentialsOf } from './credentials/credential-source.ts'
import { createConnector } from './connection/connect.ts'
import { measuring } from './connection/decorators/measured-connection.ts'
import { LeftOutNotices } from './messages/left-out-notices.ts'
import { tellKindsApart } from './messages/message-kinds.ts'
import { ProcessLogs } from './stdio/process-log.ts'
import { Inspector } from './inspection.ts'
import { PackageInstaller } from './packages/package-installer.ts'
import { Upstreams, type UpstreamsOptions } from './upstreams.ts'

/** How servers are reached and started. */
export type UpstreamSettings = Pick<
  Settings,
  | 'dataDir'
  | 'maxUpstreamMessageBytes'
  | 'startConcurrency'
  | 'maxOwnPools'
  | 'connectTimeoutMs'
  | 'drainTimeoutMs'
  | 'directPath'
  | 'install'
  | 'launch'
  | 'secretsFile'
  | 'registryFile'
>

/** The parts of the gateway that reach servers. */
export interface OpenUpstreams {
  readonly upstreams: Upstreams
  /** What the servers' processes write to standard error. */
  readonly processLogs: ProcessLogs
  readonly inspector: Inspector
  readonly installer: PackageInstaller
  /** Resolves when every process has ended. Idempotent. */
  readonly close: () => Promise<void>
}

/**
 * How long a server that was edited or removed waits for its calls in flight: each has a deadline, and no document can
 * set a later one (`maxTotalMs`).
 */
const LONGEST_CALL_MS = 3_600_000

/** Files in which the gateway has secrets. */
function hiddenFiles(
  { secretsFile, registryFile }: UpstreamSettings,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const files = [secretsFile, registryFile, env['GOOGLE_APPLICATION_CREDENTIALS'], env['KUBECONFIG']]
  return files.flatMap((file) => (file === undefined || file === '' ? [] : [resolve(file)]))
}

/** Builds the parts that reach servers, without connecting to any. */
export function openUpstreams(
  settings: UpstreamSettings,
  options: Pick<UpstreamsOptions, 'onOffer' | 'onState' | 'onBreaker' | 'onBusy'> & {
    /** The gateway's own entry in the header `via`. */
    readonly via: string
    readonly env: Readonly<Record<string, string | undefined>>
    readonly outbound: Outbound
    /** Counts large results; by default they have no limit. */
    readonly transit?: TransitBytes | undefined
    readonly resolveSecret: ResolveSecret
    readonly credentialsOf: CredentialsOf
    readonly metrics: Metrics
    readonly clock: Clock
    readonly random: () => number
    readonly logger: Logger
  },
): OpenUpstreams {
  tellKindsApart()
  const {
    via,
    env,
    outbound,
    transit,
    resolveSecret,
    credentialsOf,
    metrics,
    clock,
    random,
    logger,
    ...events
  } = options
  const { startConcurrency, maxOwnPools, connectTimeoutMs, drainTimeoutMs } = settings
  // Each process starts in a separate folder, where a relative path would be wrong.
  const dataDir = resolve(settings.dataDir)
  const processLogs = new ProcessLogs({ clock })
  const leftOut = new LeftOutNotices({ clock, logger, metrics })
  const connector = {
    clientInfo: { name: 'tool-gateway', version: VERSION },
    maxMessageBytes: settings.maxUpstreamMessageBytes,
    directPath: settings.directPath,
    via,
    dataDir,
    launch: { policy: settings.launch, hidden: hiddenFiles(settings, env), owner: lockId(dataDir) },
    outbound,
    transit,
    resolveSecret,
    credentialsOf,
    processLog: (key: string) => processLogs.of(key),
    onRedacted: (server: string, count: number) => metrics.redacted(server, 'secret', count),
    onLeftOut: (server: ServerDefinition, count: number) => leftOut.add(server, count),
    clock,
    logger,
  }
  const upstreams = new Upstreams({
    connect: measuring(createConnector(connector), { metrics, clock }),
    clock,
    random,
    logger,
    outbound,
    startConcurrency,
    maxOwnPools,
    connectTimeoutMs,
    drainTimeoutMs: LONGEST_CALL_MS,
    haltTimeoutMs: drainTimeoutMs,
    ...events,
  })
  // With its own connector, which has no memory of earlier connections and no metrics.
  const inspector = new Inspector({ connect: createConnector(connector), clock, connectTimeoutMs })
  const installer = new PackageInstaller({ dataDir, settings: settings.install, clock })
  const close = async (): Promise<void> => {
    await Promise.all([upstreams.close(), inspector.close(), installer.close()])
  }
  return { upstreams, processLogs, inspector, installer, close }
}
