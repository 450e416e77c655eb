import { Metrics } from '../../src/telemetry/metrics/metrics.ts'

/** Names of everything that a gateway in use reports. */
export async function reportedMetrics(): Promise<Set<string>> {
  const metrics = new Metrics()
  metrics.observe({
    sessions: () => ({ sse: 1 }),
    servers: () => ({ failed: 1 }),
    auditQueue: () => 0,
    auditSpool: () => ({ waitingBytes: 0, isDelivering: true }),
    generation: () => 1,
  })
  const call = { face: 'rest', action: 'tools/call', outcome: 'denied', server: 'files', rule: 'role' }
  metrics.call({ ...call, code: 'denied', owner: 'client' }, 1)
  metrics.authFailure('keys_unavailable')
  const text = await metrics.text()
  await metrics.close()
  return new Set([...text.matchAll(/^(gateway_\w+)/gm)].map(([, name = '']) => name))
}
