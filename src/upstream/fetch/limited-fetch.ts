import type { FetchLike, RequestId } from '@modelcontextprotocol/client'
import { Agent, fetch } from 'undici'
import { isJsonObject } from '../../domain/json/json.ts'
import type { CookieJar } from './cookie-jar.ts'
import type { EventHeads } from './event-heads.ts'
import { limitedText, limitEvents } from './limited-stream.ts'
import { withoutNulls } from '../messages/raw-results.ts'
import { exchanges, isOfRequest } from '../messages/stream-context.ts'

/** Timeout of exchanges without a deadline: notifications, answers, and the end of a session. */
const NO_REQUEST_MS = 60_000
/** What a request must not be answered with. */
const WITHOUT_ANSWER = new Set([202, 204, 205])

/** Requests have their own deadlines, and event streams may be silent without limit. */
const dispatcher = new Agent({ bodyTimeout: 0, headersTimeout: 0 })

/** A server accepted a request without an answer, as servers of another transport do. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly status: number

  constructor(status: number) {
    super(`HTTP ${status} without a response`)
    this.status = status
  }
}

interface LimitedFetchOptions {
  /** Of each event of an event stream, and of any other body whole, decoded. */
  readonly maxBytes: number
  readonly cookies: CookieJar
  /** The header `via` of each request; absent if there is none. */
  readonly via?: string | undefined
  /** Whether the response to a request holds its answer; over HTTP+SSE it never does. */
  readonly answersInPlace: boolean
  /** Keeps the beginnings of events. */
  readonly heads: EventHeads
  /** A stream has been opened that is not the response to a message. */
  readonly onStream: () => void
}

/**
 * A `fetch` for one connection: response bodies are limited as they arrive, and cookies go back where they came from.
 */
export function limitedFetch(options: LimitedFetchOptions): FetchLike {
  return async (url, init) => {
    const target = new URL(url)
    const response = await send(target, init, options)
    options.cookies.keep(target, response)
    if (
      options.answersInPlace &&
      init?.method === 'POST' &&
      WITHOUT_ANSWER.has(response.status) &&
      isOfRequest()
    ) {
      await response.body?.cancel()
      throw new NoAnswer(response.status)
    }
    if (init?.method === 'GET' && isEvents(response)) options.onStream()
    return limited(response, init, options)
  }
}

async function send(
  url: URL,
  init: RequestInit | undefined,
  { cookies, via }: Pick<LimitedFetchOptions, 'cookies' | 'via'>,
): Promise<Response> {
  const headers = new Headers(init?.headers)
  if (via !== undefined) headers.set('via', via)
  const cookie = cookies.headerFor(url, headers.get('cookie'))
  if (cookie !== undefined) headers.set('cookie', cookie)
  const { method = 'GET', body, redirect = 'follow' } = init ?? {}
  const response = await fetch(url, {
    method,
    headers: Object.fromEntries(headers),
    redirect,
    signal: deadlineOf(init) ?? null,
    dispatcher,
    ...(typeof body === 'string' && { body }),
  })
  // Of the platform: the types of the two are not the same.
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers: [...response.headers] })
}

function deadlineOf(init: RequestInit | undefined): AbortSignal | undefined {
  const isBounded = init?.method === 'GET' || isOfRequest() || exchanges.getStore() === undefined
  if (isBounded) return init?.signal ?? undefined
  const late = AbortSignal.timeout(NO_REQUEST_MS)
  return init?.signal ? AbortSignal.any([init.signal, late]) : late
}

function limited(
  response: Response,
  init: RequestInit | undefined,
  { maxBytes, heads, answersInPlace }: LimitedFetchOptions,
): Response {
  const { body, headers, status, statusText } = response
  if (body === null) return response
  if (!isEvents(response)) return readLimited(response, body, maxBytes)
  const requestId = (): RequestId | undefined => requestIdOf(init?.body)
  const endsAtEndpoint = answersInPlace && isOfRequest()
  const limit = limitEvents(maxBytes, requestId, { note: (event) => heads.note(event), endsAtEndpoint })
  return new Response(body.pipeThrough(limit), { status, statusText, headers })
}

function isEvents({ ok, headers }: Response): boolean {
  return ok && headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true
}

/** The SDK reads such a body as text or JSON. What is null where JSON-RPC has nothing is taken for nothing. */
function readLimited(response: Response, body: ReadableStream<Uint8Array>, maxBytes: number): Response {
  const text = (): Promise<string> => limitedText(body, maxBytes)
  const json = async (): Promise<unknown> => withoutNulls(JSON.parse(await text()))
  return Object.defineProperties(response, { text: { value: text }, json: { value: json } })
}

/** The id of the one request that a body holds. */
function requestIdOf(body: unknown): RequestId | undefined {
  if (typeof body !== 'string') return undefined
  const message: unknown = JSON.parse(body)
  const id = isJsonObject(message) ? message['id'] : undefined
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}
