import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'
import { startTelemetry, type Telemetry } from '../../../src/telemetry/export/start-telemetry.ts'
import { isRecording, withSpan } from '../../../src/telemetry/tracing.ts'
import { otlpReceiver, type OtlpReceiver } from '../../support/otlp-receiver.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const server = { kind: 'server' } as const
let receiver: OtlpReceiver
let telemetry: Telemetry | undefined

beforeEach(async () => {
  receiver = await otlpReceiver()
})

afterEach(async () => {
  await telemetry?.close()
  telemetry = undefined
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
  await receiver.close()
})

/** The SDK reads the rest of its variables from the environment of the process. */
async function start(env: Record<string, string>, logger = silentLogger): Promise<Telemetry> {
  Object.assign(process.env, env)
  telemetry = await startTelemetry({ env: process.env, logger, version: '1.2.3' })
  return telemetry
}

test('spans go to the endpoint as JSON where that is asked for, under the names that are asked for', async () => {
  const { close } = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_SERVICE_NAME: 'gateway-of-test',
    OTEL_METRICS_EXPORTER: 'none',
  })
  await withSpan('x', { ...server, attributes: { n: 1 } }, () => Promise.resolve())
  await close()
  expect(receiver.spans()).toMatchObject([
    { service: 'gateway-of-test', name: 'x', kind: 'server', attributes: { n: 1 }, isError: false },
  ])
  expect(receiver.requests.map(({ path }) => path)).toEqual(['/v1/traces'])
})

test('spans go as protobuf by default, from the service tool-gateway', async () => {
  const { close } = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=k',
  })
  await withSpan('span-in-protobuf', server, () => Promise.resolve())
  await close()
  const [request] = receiver.requests
  expect(request?.headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'x-key': 'k' })
  for (const text of ['span-in-protobuf', 'tool-gateway', '1.2.3'])
    expect(request?.body.includes(text)).toBe(true)
})

test.each(['http/json', 'http/protobuf'])(
  'metrics go to OTLP over %s and to Prometheus at once',
  async (protocol) => {
    const { metrics: beside } = await start({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url}/v1/metrics`,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    })
    const metrics = new Metrics(beside)
    metrics.call({ face: 'rest', action: 'call', outcome: 'ok', server: 'files' }, 5)
    expect(await metrics.text()).toContain('gateway_calls_total{face="rest"')
    await metrics.close()
    const [request] = receiver.requests
    expect(request?.path).toBe('/v1/metrics')
    expect(request?.body.includes('gateway.call.duration')).toBe(true)
    expect(request?.body.includes('tool-gateway')).toBe(true)
    expect(isRecording()).toBe(false)
  },
)

test('metrics can go over gRPC', async () => {
  const { metrics } = await start({
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_EXPORTER: 'none',
  })
  const producer = { collect: () => Promise.reject(new Error('not asked')) }
  expect(metrics?.readers(() => producer)).toHaveLength(1)
})

test('without configuration nothing is started, and nothing is sent', async () => {
  const { metrics, close } = await start({ OTEL_SERVICE_NAME: 'x' })
  expect(metrics).toBeUndefined()
  await withSpan('x', server, () => {
    expect(isRecording()).toBe(false)
    return Promise.resolve()
  })
  await close()
  expect(receiver.requests).toEqual([])
})

test('OTEL_SDK_DISABLED stops everything', async () => {
  const { close } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SDK_DISABLED: 'true' })
  await withSpan('x', server, () => Promise.resolve())
  await close()
  expect(receiver.requests).toEqual([])
})

test('sampling by ratio is drawn for each request', async () => {
  const draws = [0.2, 0.8, 0.2]
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.5',
  })
  telemetry = await startTelemetry({
    env: process.env,
    logger: silentLogger,
    version: '1',
    random: () => draws.shift() ?? 1,
  })
  for (const name of ['a', 'b', 'c']) await withSpan(name, server, () => Promise.resolve())
  await telemetry.close()
  expect(receiver.spans().map(({ name }) => name)).toEqual(['a', 'c'])
})

test('what cannot be exported is logged, and nothing goes to the default address', async () => {
  const lines: { msg: string }[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as { msg: string }) })
  const { metrics } = await start({ OTEL_TRACES_EXPORTER: 'otlp' }, logger)
  expect(metrics).toBeUndefined()
  expect(lines.map(({ msg }) => msg)).toEqual([
    'traces are not exported: OTEL_EXPORTER_OTLP_ENDPOINT is not a URL such as http://host:4318',
  ])
})

test('a collector that is down costs a line in the log, and two seconds at the end at most', async () => {
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    {},
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  await receiver.close()
  const { close } = await start(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    },
    logger,
  )
  await withSpan('x', server, () => Promise.resolve())
  const before = performance.now()
  await close()
  expect(performance.now() - before).toBeLessThan(60_000)
  expect(lines.filter(({ msg }) => msg === 'telemetry could not be exported')).toHaveLength(1)
})

test('a collector that never answers does not hold up the end', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const { close, metrics: beside } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
  const metrics = new Metrics(beside)
  await withSpan('x', server, () => Promise.resolve())
  const before = performance.now()
  await Promise.all([metrics.close(), close(), close()])
  expect(performance.now() - before).toBeLessThan(60_000)
  for (const socket of sockets) socket.destroy()
  silent.close()
})
