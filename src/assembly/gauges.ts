import type { OpenAudit } from '../audit/audit-open.ts'
import type { OpenFeatures } from '../features/features-open.ts'
import type { OpenMcp } from '../mcp/mcp-open.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { OpenControl } from './open-control.ts'
import type { OpenServers } from './open-servers.ts'

interface Parts extends OpenControl {
  readonly audit: OpenAudit
  readonly servers: OpenServers
  readonly features: OpenFeatures
  readonly mcp: OpenMcp
}

/** Says where the gauges read from. */
export function observe(metrics: Metrics, { audit, servers, features, mcp, registry, control }: Parts): void {
  const { catalog, pins, secrets, upstreams } = servers
  metrics.observe({
    sessions: () => mcp.sessions.counts(),
    servers: () => countStates(upstreams),
    auditQueue: () => audit.log.depth,
    auditSpool: () => audit.spool(),
    breakers: () => upstreams.breakers(),
    fleet: () => upstreams.statuses().values(),
    secrets: () => secrets.counts(),
    caches: features.cacheStates,
    generation: () => catalog.snapshot.generation,
    registryAgeSeconds: () => registry.freshness().ageMs / 1000,
    isRegistryStale: () => control.isStale,
    heldTools: () => pins.heldCount,
    heldRemovals: () => registry.freshness().held,
  })
}

function countStates(upstreams: Upstreams): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state } of upstreams.statuses().values()) counts[state] = (counts[state] ?? 0) + 1
  return counts
}
