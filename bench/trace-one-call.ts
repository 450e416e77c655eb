/**
 * The trace of one tool call, from a client through the gateway to a server, as a collector gets it: the gateway is a
 * process of its own and both export to an OTLP receiver in this one. `node bench/trace-one-call.ts`
 */
import { LocalIssuer } from '../src/identity/local-issuer.ts'
import { systemClock } from '../src/domain/clock.ts'
import { createLogger } from '../src/telemetry/logger.ts'
import { startTelemetry } from '../src/telemetry/export/start-telemetry.ts'
import { activeTraceFields, withSpan } from '../src/telemetry/tracing.ts'
import { eventually } from '../test/support/eventually.ts'
import { otlpReceiver, type ReceivedSpan } from '../test/support/otlp-receiver.ts'
import { modernClient } from '../test/support/raw-mcp.ts'
import { spawnGateway } from '../test/support/gateway-process.ts'

const NAME = 'everything_echo'
const receiver = await otlpReceiver()
const otlp = {
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_METRICS_EXPORTER: 'none',
}
const gateway = await spawnGateway({ ...otlp, METRICS_PORT: 'off' })
const { child, exited, dataDir } = gateway

try {
  Object.assign(process.env, otlp, { OTEL_SERVICE_NAME: 'client' })
  const logger = createLogger({ level: 'warn', format: 'json' })
  const telemetry = await startTelemetry({ env: process.env, logger, version: '1' })
  const url = await gateway.url()
  await eventually(
    () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    { timeoutMs: 20_000 },
  )
  const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
  const token = await issuer.issue({ tenantId: 'local', subject: 'bench', roles: ['reader'], ttlMs: 600_000 })
  const client = modernClient(url, token)
  await eventually(
    async () => JSON.stringify((await client.request('tools/list')).message).includes(`"${NAME}"`),
    { timeoutMs: 20_000, what: `the tool ${NAME}` },
  )
  const traceparent = await withSpan(`tools/call ${NAME}`, { kind: 'client' }, async () => {
    const fields = activeTraceFields()
    await client.request('tools/call', { name: NAME, arguments: { message: 'hello' }, _meta: { ...fields } })
    return fields?.traceparent
  })
  await telemetry.close()
  child.kill('SIGTERM')
  await exited
  const traceId = traceparent?.split('-')[1]
  const spans = receiver.spans().filter((span) => span.traceId === traceId)
  process.stdout.write(`trace ${traceId}, ${spans.length} spans\n`)
  print(spans, '', 0)
} finally {
  await gateway.remove()
  await receiver.close()
}

function print(spans: readonly ReceivedSpan[], parent: string, depth: number): void {
  const children = spans.filter(({ parentSpanId }) => parentSpanId === parent)
  children.sort((a, b) => a.startMs - b.startMs)
  for (const span of children) {
    const what = `${'  '.repeat(depth)}${span.name}`.padEnd(44)
    process.stdout.write(
      `${what} ${span.kind.padEnd(8)} ${span.service.padEnd(13)} ${span.durationMs.toFixed(2)} ms\n`,
    )
    print(spans, span.spanId, depth + 1)
  }
}
