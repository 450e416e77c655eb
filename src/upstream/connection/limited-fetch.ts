import type { FetchLike, RequestId } from '@modelcontextprotocol/client'
import { isJsonObject } from '../../domain/json.ts'
import { limitBody, limitEvents } from './limited-stream.ts'

/** Failures before a byte of the request could have been handled by anyone. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** A fetch whose response bodies are limited as they arrive, decoded: each event of an event stream, any other body whole. */
export function limitedFetch(options: { maxBytes: number }): FetchLike {
  const { maxBytes } = options
  return async (url, init) => limited(await fetch(url, init), maxBytes, () => requestIdOf(init?.body))
}

/** The system's name of a failure to connect, found in what `fetch` throws; undefined for every other failure. */
export function unreachableCode(error: unknown): string | undefined {
  // By shape, not by class: what `fetch` throws may come from another realm.
  for (let current = error; isJsonObject(current); current = current['cause']) {
    const { code } = current
    if (typeof code === 'string' && NOT_CONNECTED.has(code)) return code
  }
  return undefined
}

function limited(response: Response, maxBytes: number, requestId: () => RequestId | undefined): Response {
  const { body, headers, status, statusText } = response
  if (body === null || isKnownToFit(headers, maxBytes)) return response
  const isEventStream = headers.get('content-type')?.startsWith('text/event-stream') ?? false
  const limit = isEventStream && response.ok ? limitEvents(maxBytes, requestId) : limitBody(maxBytes)
  return new Response(body.pipeThrough(limit), { status, statusText, headers })
}

/** A body that is not compressed cannot be longer than its declared length. */
function isKnownToFit(headers: Headers, maxBytes: number): boolean {
  const declared = headers.get('content-length')
  return declared !== null && !headers.has('content-encoding') && Number(declared) <= maxBytes
}

/** The id of the one request that a body holds. */
function requestIdOf(body: unknown): RequestId | undefined {
  if (typeof body !== 'string') return undefined
  const message: unknown = JSON.parse(body)
  const id = isJsonObject(message) ? message['id'] : undefined
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}
