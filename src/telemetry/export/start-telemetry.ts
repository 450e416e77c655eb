import { context, diag, DiagLogLevel, trace } from '@opentelemetry/api'
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources'
import {
  AggregationTemporality,
  ConsoleMetricExporter,
  InstrumentType,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { sleep, systemClock } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { diagLogger } from './diag-logger.ts'
import { type ExportPlan, exportPlan } from './export-plan.ts'
import type { Logger } from '../logger.ts'
import type { MetricsExport } from '../metrics/metrics.ts'
import { EntrySampler } from './sampler.ts'
import { useTracer } from '../tracing.ts'

const SERVICE = 'tool-gateway'
/** For the last spans to leave. */
const CLOSE_MS = 2000

/** Telemetry that leaves the process. */
export interface Telemetry {
  /** For the gateway's own instruments; undefined when they are exported nowhere else. */
  readonly metrics: MetricsExport | undefined
  /** Sends what has not been sent, within two seconds, and ends tracing. Idempotent; never rejects. */
  readonly close: () => Promise<void>
}

/**
 * Starts what the environment variables of OpenTelemetry ask for; without any it does nothing and loads nothing.
 * Call it before anything that is traced is built. Never rejects: what cannot be exported is logged.
 * @param options.env must be the environment of the process, from which the exporters read the rest
 */
export async function startTelemetry(options: {
  env: Readonly<Record<string, string | undefined>>
  logger: Logger
  version: string
  random?: () => number
}): Promise<Telemetry> {
  const { env, logger, version, random = Math.random } = options
  const plan = exportPlan(env)
  for (const problem of plan.problems) logger.warn(problem)
  if (!plan.traces && plan.metrics.length === 0) return { metrics: undefined, close: () => Promise.resolve() }
  const resource = resourceOf(version)
  const diagnostics = diagLogger(logger, systemClock)
  const listen = (): boolean =>
    diag.setLogger(diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  listen()
  const exporters = await exportersOf(plan)
  const stopTraces = plan.traces ? await startTraces(resource, version, { ...plan, random }) : undefined
  listen() // the SDK has its own idea of where diagnostics go
  logger.info({ traces: plan.traces, metrics: plan.metrics }, 'telemetry is exported')
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    useTracer(undefined)
    const stopped = stopTraces?.().catch((error: unknown) => diagnostics.warn(messageOf(error)))
    await Promise.race([stopped, sleep(systemClock, CLOSE_MS)])
    trace.disable()
    context.disable()
    diag.disable()
  }
  return {
    metrics: exporters.length > 0 ? { resource, readers: readersOf(exporters, plan) } : undefined,
    close: () => (closing ??= close()),
  }
}

/** The SDK takes its exporters from the environment; it costs a quarter of a second to load. */
async function startTraces(
  resource: Resource,
  version: string,
  sampling: { ratio: number; random: () => number },
): Promise<() => Promise<void>> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    sampler: new EntrySampler(sampling),
    textMapPropagator: null, // trace context travels in fields of ours, not in headers of the SDK's
    metricReaders: [], // an absent list would mean OTLP to the default address
    logRecordProcessors: [],
    instrumentations: [],
  })
  sdk.start()
  useTracer(trace.getTracer(SERVICE, version))
  return () => sdk.shutdown()
}

function resourceOf(version: string): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': SERVICE, 'service.version': version }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
}

function exportersOf({ metrics, metricsProtocol }: ExportPlan): Promise<PushMetricExporter[]> {
  return Promise.all(
    metrics.map(async (kind) =>
      kind === 'otlp' ? await otlpExporter(metricsProtocol) : new ConsoleMetricExporter(),
    ),
  )
}

function readersOf(
  exporters: readonly PushMetricExporter[],
  { metricsIntervalMs, metricsTimeoutMs }: ExportPlan,
): MetricsExport['readers'] {
  return (producerFor) =>
    exporters.map(
      (exporter) =>
        new PeriodicExportingMetricReader({
          exporter,
          exportIntervalMillis: metricsIntervalMs,
          exportTimeoutMillis: metricsTimeoutMs,
          metricProducers: [producerFor(temporalityOf(exporter))],
        }),
    )
}

/** What the exporter wants of histograms, which its environment may say. */
function temporalityOf(exporter: PushMetricExporter): AggregationTemporality {
  return (
    exporter.selectAggregationTemporality?.(InstrumentType.HISTOGRAM) ?? AggregationTemporality.CUMULATIVE
  )
}

async function otlpExporter(protocol: ExportPlan['metricsProtocol']): Promise<PushMetricExporter> {
  switch (protocol) {
    case 'http/protobuf':
      return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter()
    case 'http/json':
      return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter()
    case 'grpc':
      return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter()
  }
}
