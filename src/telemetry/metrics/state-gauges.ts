import type { Meter, ObservableResult } from '@opentelemetry/api'
import type { CacheState } from './cache-metrics.ts'
import type { FleetState } from './fleet-metrics.ts'

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

/** Makes the gauges that show the state of the gateway when the metrics are read. */
export function observeState(meter: Meter, read: () => Observed | undefined): void {
  const gauge = (name: string, description: string, observe: (result: ObservableResult) => void): void =>
    meter.createObservableGauge(name, { description }).addCallback(observe)
  gauge('gateway.sessions', 'Open sessions, by transport', (result) =>
    observeEach(result, 'face', read()?.sessions()),
  )
  gauge('gateway.servers', 'Servers of the registry, by state', (result) =>
    observeEach(result, 'state', read()?.servers()),
  )
  gauge(
    'gateway.audit.queue',
    'Usage records that wait for the disk; calls are refused at AUDIT_QUEUE_LIMIT',
    (result) => result.observe(read()?.auditQueue() ?? 0),
  )
  gauge(
    'gateway.audit.spool.bytes',
    'Bytes of usage records that wait on the disk for the store; calls are refused at AUDIT_SPOOL_MAX_BYTES',
    (result) => observeOne(result, read()?.auditSpool?.().waitingBytes),
  )
  gauge(
    'gateway.audit.spool.delivering',
    '1 while the store takes the usage records that wait on the disk, else 0',
    (result) => observeOne(result, read()?.auditSpool?.().isDelivering),
  )
  gauge(
    'gateway.secrets',
    'Secrets by state: `stale` ones are past their time because the source does not answer, `refused` ones are unavailable',
    (result) => observeEach(result, 'state', read()?.secrets?.()),
  )
  gauge(
    'gateway.registry.generation',
    'Generation of the registry in force; grows with every snapshot',
    (result) => result.observe(read()?.generation() ?? 0),
  )
  gauge('gateway.registry.age', 'Seconds since the store of the registry last answered', (result) =>
    result.observe(read()?.registryAgeSeconds?.() ?? 0),
  )
  gauge('gateway.registry.stale', '1 while edits of the registry do not take effect everywhere', (result) =>
    result.observe(Number(read()?.isRegistryStale?.() ?? false)),
  )
  gauge('gateway.registry.held_removals', 'Removals of servers that are held back', (result) =>
    result.observe(read()?.heldRemovals?.() ?? 0),
  )
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
