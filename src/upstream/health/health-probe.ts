import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Connection } from '../connection/connection.ts'

/** The longest timeout of a health check; the clock has the one that counts. */
const LONGEST_MS = 60_000

/** Asks over the connection that calls go by; any JSON-RPC answer counts. Rejects when there is none. */
export async function probeConnection(
  connection: Connection,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  try {
    await connection.request(connection.era === 'legacy' ? 'ping' : 'server/discover', undefined, options)
  } catch (error) {
    if (!isAnswer(error)) throw error
  }
}

/** Whether a failed request was answered: the server is there and speaks the protocol. */
export function isAnswer(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'upstream_error'
}

/** Asks for a path at the address of an instance, without its credentials. Rejects unless the status is 2xx. */
export async function probePath(
  url: string,
  path: string,
  options: { clock: Clock; outbound: Outbound; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const { outbound } = options
  const late = new AbortController()
  const cancel = options.clock.after(options.timeoutMs, () => late.abort(new Error('it took too long')))
  try {
    const response = await outbound.fetch(besides(url, path), {
      signal: AbortSignal.any([options.signal, late.signal]),
      timeoutMs: LONGEST_MS,
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`it answered with HTTP ${response.status}`)
  } finally {
    cancel()
  }
}

/** Set part by part, not resolved: a path that begins with two slashes would name another host. */
function besides(url: string, path: string): URL {
  const [pathname = '', search] = path.split('?', 2)
  const target = new URL(url)
  target.pathname = pathname
  target.search = search ?? ''
  return target
}
