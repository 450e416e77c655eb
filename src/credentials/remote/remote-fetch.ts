import { isLoopback } from '../../domain/loopback.ts'
import { Outbound, refusalIn } from '../../outbound/outbound.ts'
import { ConnectFailed } from '../connect-failed.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 256 * 1024

/** A request to an authorization server. */
export type RemoteFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/**
 * A `fetch` for addresses that a server names: over https, or to this machine; to what the policy for outgoing requests
 * allows where the server that names them is at a private address itself, else to the Internet; no redirects; small
 * answers only.
 */
export function remoteFetch(options: { mayBePrivate: boolean; outbound?: Outbound }): RemoteFetch {
  const { mayBePrivate, outbound = new Outbound() } = options
  const allowed = mayBePrivate ? outbound : outbound.internetOnly
  return async (url, init) => {
    const target = new URL(url)
    checkTarget(target)
    const { method = 'GET', headers, body, signal } = init ?? {}
    return allowed
      .fetch(target, {
        method,
        headers: new Headers(headers),
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
        signal: signal ?? undefined,
        ...(body !== undefined && body !== null && { body: textOf(body) }),
      })
      .catch((error: unknown) => {
        const refusal = refusalIn(error)
        throw refusal === undefined ? error : new ConnectFailed(refusal.message, { cause: error })
      })
  }
}

/** @throws ConnectFailed for an address that no credential may be sent to */
function checkTarget({ protocol, hostname, origin }: URL): void {
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    throw new ConnectFailed(`${origin} is not an https address`)
}

/** Requests to authorization servers are forms and JSON. */
function textOf(body: unknown): string {
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new TypeError('the body of a request to an authorization server is a text')
}
