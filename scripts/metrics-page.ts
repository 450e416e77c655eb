import { Metrics } from '../src/telemetry/metrics/metrics.ts'

/** A metric as Prometheus reads it. */
interface ReportedMetric {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}

/** Labels that Prometheus makes of a histogram. */
const OF_HISTOGRAMS = new Set(['le'])

/** The text of `/metrics` of a gateway of which every instrument has counted something. */
export async function metricsText(): Promise<string> {
  const metrics = new Metrics()
  metrics.observe({
    sessions: () => ({ 'streamable-http': 1 }),
    servers: () => ({ ready: 1 }),
    auditQueue: () => 0,
    auditSpool: () => ({ waitingBytes: 0, isDelivering: true }),
    generation: () => 1,
    breakers: () => [['files', 'closed']],
    fleet: () => [{ name: 'files', instances: [{ state: 'ready' }], waiting: 0 }],
    caches: () => [{ name: 'results', entries: 1, bytes: 1, hits: 1, misses: 1, evictions: 1 }],
    secrets: () => ({ fresh: 1 }),
  })
  const call = { face: 'rest', action: 'call', outcome: 'denied', server: 'files' }
  metrics.call({ ...call, code: 'tool_not_found', owner: 'client', rule: 'server-roles' }, 1)
  metrics.authFailure('invalid_token')
  metrics.lateRecords(1)
  metrics.overload()
  metrics.slowClient('send_timeout')
  const operation = { method: 'tools/call', protocolVersion: '2026-07-28', errorType: 'tool_error' }
  metrics.serverOperation(operation, 1)
  metrics.clientOperation({ ...operation, transport: 'tcp', server: 'files', tool: 'read' }, 1)
  metrics.breaker('files', 'open')
  metrics.retry('files', 'repeated')
  metrics.fallback('files')
  metrics.busy('files')
  metrics.enhancement('enhanced')
  metrics.toolChange({ server: 'files', kind: 'changed', policy: 'hold' })
  metrics.preview('files', 1, 1)
  metrics.redacted('files', 'secret', 1)
  metrics.approvals.event('approved', 'rule', 1)
  metrics.approvals.notice('delivered')
  metrics.noticesLeftOut('files', 1)
  const text = await metrics.text()
  await metrics.close()
  return text
}

/** Every metric of the gateway, by name. */
export async function reportedMetrics(): Promise<readonly ReportedMetric[]> {
  const text = await metricsText()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return [...text.matchAll(/^# HELP (\S+) (.+)\n(?:# UNIT .+\n)?# TYPE \S+ (\S+)$/gm)]
    .map(([, name = '', help = '', type = '']) => ({
      name,
      help,
      type,
      labels: labelsOf(samples.find((line) => new RegExp(`^${name}(_bucket)?[{ ]`).test(line)) ?? ''),
    }))
    .filter(({ name }) => name !== 'target_info')
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

function labelsOf(sample: string): string[] {
  return [...sample.matchAll(/[{,](\w+)="/g)]
    .map(([, label = '']) => label)
    .filter((label) => !OF_HISTOGRAMS.has(label))
}

/** The values of labels, where a reader cannot guess them. */
const LABELS: readonly (readonly string[])[] = [
  ['`face`', 'how the client connects: `streamable-http`, `sse`, `websocket`, `rest`'],
  ['`outcome` of calls', '`ok`, `tool_error` (the tool ran and failed), `error`, `denied`, `cancelled`'],
  ['`owner`', 'who has to act: `client`, `config`, `upstream` (the server), `gateway`'],
  ['`code`', 'a code of [errors.md](errors.md)'],
  ['`rule`', 'a rule of [access.md](access.md#rules); of `gateway_approvals_total` the rule that asked'],
  ['`server`', 'name of a server; `none` where the caller may know of none, `other` beyond 200 names'],
  [
    '`state` of servers and instances',
    '`stopped`, `starting`, `ready`, `unhealthy`, `draining`, `backing_off`, `failed`',
  ],
  ['`state` of breakers', '`closed`, `half_open`, `open`'],
  [
    '`mcp_method_name`, `mcp_protocol_version`, `network_transport`',
    'as the semantic conventions for MCP define them',
  ],
  ['`gen_ai_tool_name`', "the server's own name of the tool; `_other` beyond 200 tools"],
  [
    '`error_type`',
    'a code of JSON-RPC or of [errors.md](errors.md), `tool_error`, or `_OTHER` for what a server made up',
  ],
]

/** `docs/metrics.md`, of what the instruments say of themselves. */
export async function metricsPage(
  note: string,
  table: (head: readonly string[], rows: readonly (readonly string[])[]) => string,
): Promise<string> {
  const rows = (await reportedMetrics()).map(({ name, type, help, labels }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help.replaceAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g, '`$&`'),
  ])
  return `# Metrics

${note}

\`GET /metrics\` on \`METRICS_PORT\` (9464), on loopback unless \`METRICS_HOST\` says otherwise, in the text format of
Prometheus. Durations are in seconds; a histogram has \`_bucket\`, \`_sum\` and \`_count\`. Every metric is of one replica. No label has a
tenant or a person: use per tenant is in \`GET /v1/tenant\` and in the usage records. [Monitoring](monitoring.md) has the rules for
alerts and the dashboard made of these.

${table(['Metric', 'Type', 'Labels', 'What it is'], rows)}

## Labels

${table(['Label', 'Values'], LABELS)}
`
}
