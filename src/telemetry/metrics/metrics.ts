import type { Counter } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type MetricProducer,
  type MetricReader,
  MeterProvider,
} from '@opentelemetry/sdk-metrics'
import { sleep, systemClock } from '../../domain/clock.ts'
import type { ErrorOwner } from '../../domain/errors/error-row.ts'
import { ApprovalMetrics } from './approval-metrics.ts'
import { BoundedLabels } from './bounded-labels.ts'
import { CacheMetrics } from './cache-metrics.ts'
import { DurationProducer, type DurationSeries, Durations } from './durations.ts'
import { FleetMetrics } from './fleet-metrics.ts'
import { GovernanceMetrics } from './governance-metrics.ts'
import { type ClientOperation, OperationMetrics } from './operation-metrics.ts'
import { PreparedAttributes } from './prepared-attributes.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { type Observed, observeState } from './state-gauges.ts'

/** Exporters of metrics in addition to Prometheus, and the resource that they describe. */
export interface MetricsExport {
  readonly resource: Resource
  /** @param producerFor makes what each reader gets beside the SDK's own metrics, in the form that it wants */
  readonly readers: (
    producerFor: (temporality: AggregationTemporality) => MetricProducer,
  ) => readonly MetricReader[]
}

/** What a finished call is counted under. */
export interface CallLabels {
  readonly face: string
  readonly action: string
  readonly outcome: string
  /** Name of the server; `none` when there is none that the caller may know. */
  readonly server: string
  /** Of a failed call: code and owner of its error. */
  readonly code?: string | undefined
  readonly owner?: ErrorOwner | undefined
  /** Of a denied call: the rule that decided. */
  readonly rule?: string | undefined
}

const MAX_SERVERS = 200
const CLOSE_MS = 2000
/** Upper bounds in seconds: 0.5 ms to 60 s. */
const DURATION_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

/** Every instrument of the gateway, each named here and nowhere else. */
export class Metrics {
  /** Of calls that need a person's yes. */
  readonly approvals: ApprovalMetrics
  readonly #exporter: PrometheusExporter
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true)
  readonly #provider: MeterProvider
  readonly #process: ProcessMetrics
  readonly #operations = new OperationMetrics()
  readonly #fleet: FleetMetrics
  readonly #caches: CacheMetrics
  readonly #governance: GovernanceMetrics
  readonly #duration = new Durations({
    name: 'gateway.call.duration',
    description: 'Time from the arrival of a call until its record is written and its answer leaves',
    bounds: DURATION_BUCKETS,
  })
  readonly #calls = new PreparedAttributes<DurationSeries>()
  readonly #errors: Counter
  readonly #denials: Counter
  readonly #authFailures: Counter
  readonly #lateRecords: Counter
  readonly #overloads: Counter
  readonly #slowClients: Counter
  readonly #attributes = new PreparedAttributes()
  readonly #servers = new BoundedLabels({ limit: MAX_SERVERS })
  #observed: Observed | undefined
  #closed = false

  /** @param beside exporters in addition to Prometheus */
  constructor(beside?: MetricsExport) {
    const resource = beside?.resource ?? resourceFromAttributes({ 'service.name': 'tool-gateway' })
    const histograms = [this.#duration, ...this.#operations.histograms]
    const producerFor = (temporality: AggregationTemporality): MetricProducer =>
      new DurationProducer({ histograms, temporality, clock: systemClock })
    this.#exporter = new PrometheusExporter({
      preventServerStart: true,
      metricProducers: [producerFor(AggregationTemporality.CUMULATIVE)],
    })
    const readers = [this.#exporter, ...(beside?.readers(producerFor) ?? [])]
    this.#provider = new MeterProvider({ resource, readers })
    const meter = this.#provider.getMeter('tool-gateway')
    const calls = meter.createObservableCounter('gateway.calls', {
      description: 'Calls, by outcome; `denied` are refusals',
    })
    calls.addCallback((result) => {
      for (const { count, attributes } of this.#duration.series) result.observe(count, attributes)
    })
    this.#errors = meter.createCounter('gateway.errors', {
      description: 'Failed calls, by error code, server and owner: who has to act',
    })
    this.#denials = meter.createCounter('gateway.denials', {
      description: 'Denied calls, by the rule that decided',
    })
    this.#authFailures = meter.createCounter('gateway.auth.failures', {
      description:
        'Requests without a valid token, by error code; `keys_unavailable` is the identity provider',
    })
    this.#lateRecords = meter.createCounter('gateway.audit.late', {
      description: 'Calls that got an error because their usage record was not written in time',
    })
    this.#overloads = meter.createCounter('gateway.overloads', {
      description: 'Requests that were refused with `overloaded`, before they were run',
    })
    this.#slowClients = meter.createCounter('gateway.slow_clients', {
      description:
        'Connections that were closed because their clients did not read their responses, by reason',
    })
    this.#fleet = new FleetMetrics(meter, {
      boundedServer: (server) => this.#boundedServer(server),
      breakers: () => this.#observed?.breakers?.() ?? [],
      servers: () => this.#observed?.fleet?.() ?? [],
    })
    this.#caches = new CacheMetrics(meter, { caches: () => this.#observed?.caches?.() ?? [] })
    this.#governance = new GovernanceMetrics(meter, { heldTools: () => this.#observed?.heldTools?.() ?? 0 })
    this.approvals = new ApprovalMetrics(meter)
    observeState(meter, () => this.#observed)
    this.#process = new ProcessMetrics(meter)
  }

  /** Counts a finished call. */
  call(labels: CallLabels, durationMs: number): void {
    const { face, action, outcome, code, owner, rule } = labels
    const server = this.#boundedServer(labels.server)
    const create = (): DurationSeries => this.#duration.of({ face, action, outcome, server })
    this.#calls.of([face, action, outcome, server], create).record(durationMs)
    if (code !== undefined) {
      const by = owner ?? 'gateway'
      this.#errors.add(
        1,
        this.#attributes.of(['error', code, by, server], () => ({ code, owner: by, server })),
      )
    }
    if (rule !== undefined)
      this.#denials.add(
        1,
        this.#attributes.of(['rule', rule], () => ({ rule })),
      )
  }

  /** Counts a request that was refused for its token. */
  authFailure(code: string): void {
    this.#authFailures.add(
      1,
      this.#attributes.of(['auth', code], () => ({ code })),
    )
  }

  /** Counts a call whose record was not written when it was answered. */
  lateRecords(count: number): void {
    this.#lateRecords.add(count)
  }

  /** Counts a request that was refused because the gateway was overloaded. */
  overload(): void {
    this.#overloads.add(1)
  }

  /** Counts a connection that was closed because its client did not read. */
  slowClient(reason: string): void {
    this.#slowClients.add(1, { reason })
  }

  /** Counts a request of an MCP client that was answered. */
  serverOperation(...counted: Parameters<OperationMetrics['server']>): void {
    this.#operations.server(...counted)
  }

  /** Counts a request to a server that was answered, or given up. */
  clientOperation(operation: ClientOperation, durationMs: number): void {
    const server = this.#boundedServer(operation.server)
    this.#operations.client(server === operation.server ? operation : { ...operation, server }, durationMs)
  }

  /** Counts a change of a circuit breaker. */
  breaker(...counted: Parameters<FleetMetrics['breaker']>): void {
    this.#fleet.breaker(...counted)
  }

  /** Counts a failed call that was repeated, or was not for want of a budget. */
  retry(...counted: Parameters<FleetMetrics['retry']>): void {
    this.#fleet.retry(...counted)
  }

  /** Counts a call that went to the fallback of its server. */
  fallback(server: string): void {
    this.#fleet.fallback(server)
  }

  /** Counts a call that was refused because its server had too many. */
  busy(server: string): void {
    this.#fleet.busy(server)
  }

  /** Counts a prompt that was enhanced, or why it was not. */
  enhancement(outcome: string): void {
    this.#caches.enhancement(outcome)
  }

  /** Counts a definition of a tool that is not the trusted one. */
  toolChange(change: Parameters<GovernanceMetrics['toolChange']>[0]): void {
    this.#governance.toolChange({ ...change, server: this.#boundedServer(change.server) })
  }

  /** Counts places of a result that were taken out. */
  redacted(server: string, rule: 'secret' | 'pattern', count: number): void {
    this.#governance.redacted(this.#boundedServer(server), rule, count)
  }

  /** Counts notifications of a server that were left out of a flood. */
  noticesLeftOut(server: string, count: number): void {
    this.#governance.noticesLeftOut(this.#boundedServer(server), count)
  }

  /** Counts a result of which its caller got a preview, and what that left out. */
  preview(server: string, bytes: number, tokens: number): void {
    this.#governance.preview(this.#boundedServer(server), bytes, tokens)
  }

  /** Says where the gauges read from. */
  observe(observed: Observed): void {
    this.#observed = observed
  }

  /** All metrics in the text format of Prometheus. */
  async text(): Promise<string> {
    const { resourceMetrics } = await this.#exporter.collect()
    return this.#serializer.serialize(resourceMetrics)
  }

  /** Sends what is exported a last time, within two seconds. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#process.close()
    // Not its own timeout, which rejects: that a collector is down is no failure of the gateway.
    await Promise.race([this.#provider.shutdown(), sleep(systemClock, CLOSE_MS)])
  }

  #boundedServer(server: string): string {
    return this.#servers.admit(server) ? server : 'other'
  }
}
