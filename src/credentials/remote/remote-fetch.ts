import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, fetch } from 'undici'
import { isLoopback } from '../../domain/loopback.ts'
import { ConnectFailed } from '../connect-failed.ts'
import { isPrivateAddress } from './private-addresses.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 256 * 1024

/** A request to an authorization server. */
export type RemoteFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** The addresses of a host, all of which have to be of the Internet: it is these that are connected to. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '')
    const [first] = addresses
    if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address)))
      return callback(new ConnectFailed(`${hostname} is not an address of the Internet`), '')
    if (options.all === true) return callback(null, addresses)
    callback(null, first.address, first.family)
  })
}

const anywhere = new Agent()
const onlyPublic = new Agent({ connect: { lookup: publicLookup } })

/**
 * A `fetch` for addresses that a server names: over https, or to this machine; to addresses of the Internet, unless the
 * server that names them is at a private one itself; no redirects; small answers only.
 */
export function remoteFetch({ mayBePrivate }: { mayBePrivate: boolean }): RemoteFetch {
  return async (url, init) => {
    const target = new URL(url)
    checkTarget(target, mayBePrivate)
    const { method = 'GET', headers, body } = init ?? {}
    const late = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(target, {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      redirect: 'manual',
      signal: init?.signal ? AbortSignal.any([init.signal, late]) : late,
      dispatcher: mayBePrivate ? anywhere : onlyPublic,
      ...(body !== undefined && body !== null && { body: textOf(body) }),
    })
    const { status, statusText } = response
    const limited = response.body?.pipeThrough(limit()) ?? null
    // Of the platform: the types of the two are not the same.
    return new Response(limited, { status, statusText, headers: [...response.headers] })
  }
}

/** @throws ConnectFailed for an address that no credential may be sent to */
function checkTarget({ protocol, hostname, origin }: URL, mayBePrivate: boolean): void {
  const bare = hostname.replace(/^\[|\]$/g, '')
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    throw new ConnectFailed(`${origin} is not an https address`)
  if (!mayBePrivate && (isLoopback(hostname) || (isIP(bare) !== 0 && isPrivateAddress(bare))))
    throw new ConnectFailed(`${origin} is not an address of the Internet`)
}

/** Breaks a body that is larger than any answer of an authorization server. */
function limit(): TransformStream<Uint8Array, Uint8Array> {
  let size = 0
  return new TransformStream({
    transform: (chunk, controller) => {
      size += chunk.byteLength
      if (size > MAX_BYTES) controller.error(new ConnectFailed(`the answer has more than ${MAX_BYTES} bytes`))
      else controller.enqueue(chunk)
    },
  })
}

/** Requests to authorization servers are forms and JSON. */
function textOf(body: unknown): string {
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new TypeError('the body of a request to an authorization server is a text')
}
