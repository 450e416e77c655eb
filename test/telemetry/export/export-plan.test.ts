import { expect, test } from '@jest/globals'
import { exportPlan } from '../../../src/telemetry/export/export-plan.ts'

const ENDPOINT = 'http://127.0.0.1:4318'

function planned(
  env: Record<string, string>,
): [traces: boolean, metrics: readonly string[], problems: number] {
  const { traces, metrics, problems } = exportPlan(env)
  return [traces, metrics, problems.length]
}

test.each<[string, Record<string, string>]>([
  ['no variable at all', {}],
  ['only a name', { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }],
  ['empty texts', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ', OTEL_TRACES_EXPORTER: '' }],
  ['an endpoint, disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }],
  [
    'an endpoint and none twice',
    { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
  ],
  ['Prometheus, which is always there', { OTEL_METRICS_EXPORTER: 'prometheus' }],
])('nothing is exported with %s', (_what, env) => {
  expect(planned(env)).toEqual([false, [], 0])
})

test.each<[string, Record<string, string>, boolean, string[]]>([
  ['an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, true, ['otlp']],
  ['one for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${ENDPOINT}/v1/traces` }, true, []],
  ['one for metrics', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${ENDPOINT}/v1/metrics` }, false, ['otlp']],
  [
    'an endpoint and no metrics',
    { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_METRICS_EXPORTER: 'none' },
    true,
    [],
  ],
  ['the console', { OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'console' }, true, ['console']],
  [
    'several exporters',
    { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_METRICS_EXPORTER: 'prometheus, otlp,console' },
    true,
    ['otlp', 'console'],
  ],
  [
    'gRPC',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    true,
    ['otlp'],
  ],
])('what is exported with %s', (_what, env, traces, metrics) => {
  expect(planned(env)).toEqual([traces, metrics, 0])
})

test.each<[string, Record<string, string>, number]>([
  ['OTLP without an endpoint', { OTEL_TRACES_EXPORTER: 'otlp', OTEL_METRICS_EXPORTER: 'otlp' }, 2],
  ['an endpoint that is no URL', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 2],
  ['an endpoint of another scheme', { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://collector' }, 2],
  ['an exporter with a default address of its own', { OTEL_TRACES_EXPORTER: 'zipkin' }, 1],
])('%s exports nothing and says why', (_what, env, problems) => {
  expect(planned(env)).toEqual([false, [], problems])
})

test('the name of no endpoint, which may hold a password, is in a problem', () => {
  const { problems } = exportPlan({ OTEL_EXPORTER_OTLP_ENDPOINT: 'user:hunter2@collector' })
  expect(problems.join()).not.toContain('hunter2')
})

test.each<[string, string | undefined, number, number]>([
  ['always_off', undefined, 0, 0],
  ['parentbased_always_on', undefined, 1, 0],
  ['traceidratio', '0.05', 0.05, 0],
  ['parentbased_traceidratio', '0.5', 0.5, 0],
  ['traceidratio', undefined, 1, 0],
  ['traceidratio', '7', 1, 1],
  ['traceidratio', 'half', 1, 1],
  ['jaeger_remote', undefined, 1, 1],
  ['constructor', undefined, 1, 1],
])('the sampler %s with %s is a ratio of %d', (name, argument, ratio, problems) => {
  const plan = exportPlan({
    OTEL_TRACES_SAMPLER: name,
    ...(argument !== undefined && { OTEL_TRACES_SAMPLER_ARG: argument }),
  })
  expect(plan.ratio).toBe(ratio)
  expect(plan.problems).toHaveLength(problems)
})

test('the protocol of metrics is the one for metrics, else the common one, else protobuf', () => {
  expect(exportPlan({}).metricsProtocol).toBe('http/protobuf')
  expect(exportPlan({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }).metricsProtocol).toBe('http/json')
  const both = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'grpc' }
  expect(exportPlan(both).metricsProtocol).toBe('grpc')
})

test('metrics are exported each minute unless a variable says otherwise, and time out no later', () => {
  expect(exportPlan({})).toMatchObject({ metricsIntervalMs: 60_000, metricsTimeoutMs: 30_000 })
  const often = exportPlan({ OTEL_METRIC_EXPORT_INTERVAL: '500' })
  expect(often).toMatchObject({ metricsIntervalMs: 500, metricsTimeoutMs: 500, problems: [] })
  const wrong = exportPlan({ OTEL_METRIC_EXPORT_INTERVAL: '-1' })
  expect(wrong.metricsIntervalMs).toBe(60_000)
  expect(wrong.problems).toHaveLength(1)
})
