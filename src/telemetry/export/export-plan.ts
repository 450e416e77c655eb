type Environment = Readonly<Record<string, string | undefined>>

/** What is exported, out of the environment variables that OpenTelemetry defines. */
export interface ExportPlan {
  readonly traces: boolean
  /** Beside Prometheus. */
  readonly metrics: readonly ('otlp' | 'console')[]
  readonly metricsProtocol: 'http/protobuf' | 'http/json' | 'grpc'
  /** Share of requests that are traced. */
  readonly ratio: number
  readonly metricsIntervalMs: number
  readonly metricsTimeoutMs: number
  /** What was asked for and is not done, each as a sentence for the operator. */
  readonly problems: readonly string[]
}

const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'] as const
const SAMPLERS: Readonly<Record<string, number | 'argument'>> = {
  always_on: 1,
  always_off: 0,
  traceidratio: 'argument',
  parentbased_always_on: 1,
  parentbased_always_off: 0,
  parentbased_traceidratio: 'argument',
}

/**
 * Reads the plan. Nothing is exported that no variable asks for, and OTLP never goes to the default address: without
 * a valid endpoint there is none.
 */
export function exportPlan(env: Environment): ExportPlan {
  const problems: string[] = []
  const isDisabled = textOf(env, 'OTEL_SDK_DISABLED').toLowerCase() === 'true'
  const traces = isDisabled ? [] : exportersOf(env, 'TRACES', problems)
  const metrics = isDisabled ? [] : exportersOf(env, 'METRICS', problems)
  const interval = durationOf(env, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000, problems)
  return {
    traces: traces.length > 0,
    metrics,
    metricsProtocol: protocolOf(env, 'METRICS'),
    ratio: ratioOf(env, problems),
    metricsIntervalMs: interval,
    metricsTimeoutMs: Math.min(interval, durationOf(env, 'OTEL_METRIC_EXPORT_TIMEOUT', 30_000, problems)),
    problems: isDisabled ? [] : problems,
  }
}

function exportersOf(
  env: Environment,
  signal: 'TRACES' | 'METRICS',
  problems: string[],
): ('otlp' | 'console')[] {
  const endpoint = endpointOf(env, signal)
  const variable = `OTEL_${signal}_EXPORTER`
  const named = textOf(env, variable)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !(name === 'prometheus' && signal === 'METRICS'))
  const asked = new Set(textOf(env, variable) === '' && endpoint !== undefined ? ['otlp'] : named)
  if (asked.has('none')) return []
  const unknown = [...asked].find((name) => name !== 'otlp' && name !== 'console')
  if (unknown !== undefined) {
    problems.push(`${variable}: expected otlp, console or none, so ${signal.toLowerCase()} are not exported`)
    return []
  }
  if (asked.has('otlp') && !isEndpoint(endpoint, protocolOf(env, signal))) {
    problems.push(
      `${signal.toLowerCase()} are not exported: OTEL_EXPORTER_OTLP_ENDPOINT is not a URL such as http://host:4318`,
    )
    return []
  }
  return [...asked].filter((name) => name === 'otlp' || name === 'console')
}

function endpointOf(env: Environment, signal: string): string | undefined {
  const own = textOf(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`)
  return (own === '' ? textOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') : own) || undefined
}

/** gRPC targets may come without a scheme. */
function isEndpoint(text: string | undefined, protocol: string): boolean {
  if (text === undefined) return false
  const url = protocol === 'grpc' && !text.includes('://') ? `https://${text}` : text
  return /^(https?|unix):\/\//.test(url) && URL.canParse(url)
}

function protocolOf(env: Environment, signal: string): ExportPlan['metricsProtocol'] {
  const own = textOf(env, `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`)
  const text = own === '' ? textOf(env, 'OTEL_EXPORTER_OTLP_PROTOCOL') : own
  return PROTOCOLS.find((protocol) => protocol === text) ?? 'http/protobuf'
}

function ratioOf(env: Environment, problems: string[]): number {
  const name = textOf(env, 'OTEL_TRACES_SAMPLER')
  if (name === '') return 1
  const ratio = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined
  if (ratio === undefined) problems.push('OTEL_TRACES_SAMPLER is unknown, so every request is traced')
  if (ratio !== 'argument') return ratio ?? 1
  const text = textOf(env, 'OTEL_TRACES_SAMPLER_ARG')
  const argument = text === '' ? 1 : Number(text)
  if (argument >= 0 && argument <= 1) return argument
  problems.push('OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, so every request is traced')
  return 1
}

function durationOf(env: Environment, name: string, byDefault: number, problems: string[]): number {
  const text = textOf(env, name)
  if (text === '') return byDefault
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  problems.push(`${name}: expected milliseconds, so it is ${byDefault}`)
  return byDefault
}

function textOf(env: Environment, name: string): string {
  return env[name]?.trim() ?? ''
}
