import { once } from 'node:events'
import { type Server, type ServerResponse, createServer } from 'node:http'
import { isNativeError } from 'node:util/types'
import { isLoopback } from '../../domain/loopback.ts'

/** Where metrics come from. */
interface MetricsText {
  text(): Promise<string>
}

/** A listening endpoint. */
export interface MetricsEndpoint {
  /** `http://host:port/metrics` */
  readonly url: string
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Serves metrics where the settings say so; resolves with the URL.
 * @throws Error when the address cannot be listened on
 */
export async function openMetricsEndpoint(
  settings: { readonly metricsPort: number | undefined; readonly metricsHost: string },
  options: { metrics: MetricsText; onClose: (name: string, close: () => Promise<void>) => void },
): Promise<string | undefined> {
  const { metricsPort: port, metricsHost: host } = settings
  if (port === undefined) return undefined
  const endpoint = await startMetricsEndpoint({ metrics: options.metrics, host, port })
  options.onClose('metrics endpoint', () => endpoint.close())
  return endpoint.url
}

/**
 * Serves `GET /metrics` on a separate address, apart from the gateway's callers.
 * @param options.port 0 takes any free port
 * @throws Error if it cannot listen on the address
 */
export async function startMetricsEndpoint(options: {
  metrics: MetricsText
  host: string
  port: number
}): Promise<MetricsEndpoint> {
  const { metrics, host, port } = options
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      const path = request.url?.split('?', 1)[0]
      if (isLoopback(host) && !isLoopback(hostNameOf(request.headers.host))) response.writeHead(403).end()
      else if (request.method === 'GET' && path === '/metrics') void answer(metrics, response)
      else response.writeHead(404).end()
    },
  )
  await listen(server, host, port)
  const address = server.address()
  const actualPort = typeof address === 'object' && address !== null ? address.port : port
  let closing: Promise<void> | undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}/metrics`,
    close: () => {
      closing ??= close(server)
      return closing
    },
  }
}

/** Without the port. A page whose name was rebound to this machine sends its own. */
function hostNameOf(host = ''): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
}

async function answer(metrics: MetricsText, response: ServerResponse): Promise<void> {
  try {
    const text = await metrics.text()
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
  } catch {
    response.writeHead(500).end()
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (cause) {
    const reason =
      isNativeError(cause) && 'code' in cause && cause.code === 'EADDRINUSE'
        ? 'the port is in use; choose another METRICS_PORT, or `off`'
        : String(cause)
    throw new Error(`metrics cannot be served on ${host} port ${port}: ${reason}`, { cause })
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
