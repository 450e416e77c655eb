type Environment = Readonly<Record<string, string | undefined>>

/** Where records are streamed to, out of the environment variables that OpenTelemetry defines. */
export interface StreamTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const PATH = '/v1/logs'

/**
 * Reads the target. Records are streamed only if `OTEL_LOGS_EXPORTER` is `otlp`, or there is an endpoint for logs: who
 * sends traces to a collector has not said that it may have the records.
 * @returns what was asked for and cannot be done as `problem`
 */
export function streamTarget(env: Environment): { target?: StreamTarget; problem?: string } {
  const own = textOf(env, 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT')
  const shared = textOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT')
  const isAsked = textOf(env, 'OTEL_LOGS_EXPORTER') === 'otlp' || own !== ''
  const isOff =
    textOf(env, 'OTEL_LOGS_EXPORTER') === 'none' || textOf(env, 'OTEL_SDK_DISABLED').toLowerCase() === 'true'
  if (!isAsked || isOff) return {}
  const protocol =
    textOf(env, 'OTEL_EXPORTER_OTLP_LOGS_PROTOCOL') || textOf(env, 'OTEL_EXPORTER_OTLP_PROTOCOL')
  if (protocol === 'grpc')
    return { problem: 'usage records are not streamed: set OTEL_EXPORTER_OTLP_LOGS_PROTOCOL to http/json' }
  const url = own === '' ? `${shared.replace(/\/$/, '')}${PATH}` : own
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    return {
      problem:
        'usage records are not streamed: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is not a URL such as http://host:4318/v1/logs',
    }
  const headers = {
    ...headersIn(textOf(env, 'OTEL_EXPORTER_OTLP_HEADERS')),
    ...headersIn(textOf(env, 'OTEL_EXPORTER_OTLP_LOGS_HEADERS')),
  }
  return { target: { url, headers } }
}

/** `name=value` pairs, percent-encoded, separated by commas. */
function headersIn(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    return at < 1 ? [] : [[pair.slice(0, at).trim().toLowerCase(), decoded(pair.slice(at + 1).trim())]]
  })
  return Object.fromEntries(pairs)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function textOf(env: Environment, name: string): string {
  return env[name]?.trim() ?? ''
}
