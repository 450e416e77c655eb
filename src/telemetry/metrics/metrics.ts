import type { Counter, Histogram, Meter, ObservableResult } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { type MetricReader, MeterProvider } from '@opentelemetry/sdk-metrics'
import { sleep, systemClock } from '../../domain/clock.ts'
import type { ErrorOwner } from '../../domain/errors/error-row.ts'
import { ApprovalMetrics } from './approval-metrics.ts'
import { BoundedLabels } from './bounded-labels.ts'
import { CacheMetrics, type CacheState } from './cache-metrics.ts'
import { FleetMetrics, type FleetState } from './fleet-metrics.ts'
import { GovernanceMetrics } from './governance-metrics.ts'
import { type ClientOperation, OperationMetrics } from './operation-metrics.ts'
import { PreparedAttributes } from './prepared-attributes.ts'
import { ProcessMetrics } from './process-metrics.ts'

/** Where metrics go beside Prometheus, and what they are metrics of. */
export interface MetricsExport {
  readonly resource: Resource
  readonly readers: readonly MetricReader[]
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

/** Where the present state is read from when the metrics are. */
export interface Observed {
  /** Open sessions by transport. */
  readonly sessions: () => Readonly<Record<string, number>>
  /** Servers by state. */
  readonly servers: () => Readonly<Record<string, number>>
  /** Usage records that wait for the disk. */
  readonly auditQueue: () => number
  /** Bytes of usage records on disk that wait for the store, and whether it takes them. */
  readonly auditSpool?: () => { readonly waitingBytes: number; readonly isDelivering: boolean }
  /** Generation of the registry snapshot in force. */
  readonly generation: () => number
  /** Seconds since the registry's store last answered. */
  readonly registryAgeSeconds?: () => number
  /** Whether the registry that its source has is not in force everywhere. */
  readonly isRegistryStale?: () => boolean
  /** Removals of servers that are held back. */
  readonly heldRemovals?: () => number
  /** States of the circuit breakers of all pools, by name of server. */
  readonly breakers?: () => Iterable<readonly [server: string, state: 'closed' | 'half_open' | 'open']>
  /** What the instances of all servers are doing. */
  readonly fleet?: () => Iterable<FleetState>
  /** All caches. */
  readonly caches?: () => Iterable<CacheState>
  /** Tools that are held back. */
  readonly heldTools?: () => number
  /** Secrets by state. */
  readonly secrets?: () => Readonly<Record<string, number>>
}

const MAX_SERVERS = 200
const CLOSE_MS = 2000
/** Upper bounds in seconds: 0.5 ms to 60 s. */
const DURATION_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

/** Every instrument of the gateway, each named here and nowhere else. */
export class Metrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true })
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true)
  readonly #provider: MeterProvider
  readonly #process: ProcessMetrics
  readonly #operations: OperationMetrics
  readonly #fleet: FleetMetrics
  readonly #caches: CacheMetrics
  readonly #governance: GovernanceMetrics
  readonly #approvals: ApprovalMetrics
  readonly #duration: Histogram
  readonly #calls: Counter
  readonly #errors: Counter
  readonly #denials: Counter
  readonly #authFailures: Counter
  readonly #lateRecords: Counter
  readonly #attributes = new PreparedAttributes()
  readonly #servers = new BoundedLabels({ limit: MAX_SERVERS })
  #observed: Observed | undefined
  #closed = false

  /** @param beside Prometheus, where metrics go */
  constructor(beside?: MetricsExport) {
    const resource = beside?.resource ?? resourceFromAttributes({ 'service.name': 'tool-gateway' })
    this.#provider = new MeterProvider({ resource, readers: [this.#exporter, ...(beside?.readers ?? [])] })
    const meter = this.#provider.getMeter('tool-gateway')
    this.#duration = meter.createHistogram('gateway.call.duration', {
      description: 'Time from the arrival of a call to its answer',
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    })
    this.#calls = meter.createCounter('gateway.calls', { description: 'Calls, by how they ended' })
    this.#errors = meter.createCounter('gateway.errors', {
      description: 'Failed calls, by the party that has to act',
    })
    this.#denials = meter.createCounter('gateway.denials', { description: 'Denied calls, by rule' })
    this.#authFailures = meter.createCounter('gateway.auth.failures', {
      description: 'Requests without a valid token, by error code',
    })
    this.#lateRecords = meter.createCounter('gateway.audit.late', {
      description: 'Calls that were answered before their usage record was written',
    })
    this.#operations = new OperationMetrics(meter)
    this.#fleet = new FleetMetrics(meter, {
      boundedServer: (server) => this.#boundedServer(server),
      breakers: () => this.#observed?.breakers?.() ?? [],
      servers: () => this.#observed?.fleet?.() ?? [],
    })
    this.#caches = new CacheMetrics(meter, { caches: () => this.#observed?.caches?.() ?? [] })
    this.#governance = new GovernanceMetrics(meter, { heldTools: () => this.#observed?.heldTools?.() ?? 0 })
    this.#approvals = new ApprovalMetrics(meter)
    this.#observe(meter)
    this.#process = new ProcessMetrics(meter)
  }

  /** Counts a finished call. */
  call(labels: CallLabels, durationMs: number): void {
    const { face, action, outcome, code, owner, rule } = labels
    const server = this.#boundedServer(labels.server)
    const attributes = this.#attributes.of([face, action, outcome, server], () => ({
      face,
      action,
      outcome,
      server,
    }))
    this.#duration.record(Math.max(durationMs, 0) / 1000, attributes)
    this.#calls.add(1, attributes)
    if (code !== undefined) {
      const by = owner ?? 'gateway'
      this.#errors.add(
        1,
        this.#attributes.of(['error', code, by], () => ({ code, owner: by })),
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

  /** Counts a request of an MCP client that was answered. */
  serverOperation(...counted: Parameters<OperationMetrics['server']>): void {
    this.#operations.server(...counted)
  }

  /** Counts a request to a server that was answered, or given up. */
  clientOperation(operation: ClientOperation, durationMs: number): void {
    this.#operations.client({ ...operation, server: this.#boundedServer(operation.server) }, durationMs)
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

  /** Counts what happens to a request for approval. */
  approval(...counted: Parameters<ApprovalMetrics['event']>): void {
    this.#approvals.event(...counted)
  }

  /** Counts places of a result that were taken out. */
  redacted(server: string, rule: 'secret' | 'pattern', count: number): void {
    this.#governance.redacted(this.#boundedServer(server), rule, count)
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

  #observe(meter: Meter): void {
    const gauge = (name: string, description: string, read: (result: ObservableResult) => void): void =>
      meter.createObservableGauge(name, { description }).addCallback(read)
    gauge('gateway.sessions', 'Open sessions', (result) =>
      observeEach(result, 'face', this.#observed?.sessions()),
    )
    gauge('gateway.servers', 'Servers by state', (result) =>
      observeEach(result, 'state', this.#observed?.servers()),
    )
    gauge('gateway.audit.queue', 'Usage records that wait to be written', (result) =>
      result.observe(this.#observed?.auditQueue() ?? 0),
    )
    gauge('gateway.audit.spool.bytes', 'Bytes of usage records that wait in the spool', (result) =>
      observeOne(result, this.#observed?.auditSpool?.().waitingBytes),
    )
    gauge(
      'gateway.audit.spool.delivering',
      '1 while the store takes the records of the spool, else 0',
      (result) => observeOne(result, this.#observed?.auditSpool?.().isDelivering),
    )
    gauge('gateway.secrets', 'Secrets by state', (result) =>
      observeEach(result, 'state', this.#observed?.secrets?.()),
    )
    gauge('gateway.registry.generation', 'Generation of the registry in force', (result) =>
      result.observe(this.#observed?.generation() ?? 0),
    )
    gauge('gateway.registry.age', 'Seconds since the store of the registry last answered', (result) =>
      result.observe(this.#observed?.registryAgeSeconds?.() ?? 0),
    )
    gauge('gateway.registry.stale', '1 while edits of the registry do not take effect everywhere', (result) =>
      result.observe(Number(this.#observed?.isRegistryStale?.() ?? false)),
    )
    gauge('gateway.registry.held_removals', 'Removals of servers that are held back', (result) =>
      result.observe(this.#observed?.heldRemovals?.() ?? 0),
    )
  }
}

/** Shows nothing where there is nothing to read. */
function observeOne(result: ObservableResult, value: number | boolean | undefined): void {
  if (value !== undefined) result.observe(Number(value))
}

function observeEach(
  result: ObservableResult,
  label: string,
  counts: Readonly<Record<string, number>> = {},
): void {
  for (const [name, count] of Object.entries(counts)) result.observe(count, { [label]: name })
}
