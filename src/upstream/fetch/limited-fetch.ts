import type { FetchLike, RequestId } from '@modelcontextprotocol/client'
import { isJsonObject } from '../../domain/json/json.ts'
import { type Outbound, refusalIn } from '../../outbound/outbound.ts'
import type { CookieJar } from './cookie-jar.ts'
import type { EventHeads } from './event-heads.ts'
import { exchange } from './exchange.ts'
import { NoAnswer, refusal, WITHOUT_ANSWER } from './exchange-heads.ts'
import type { LargeReplies } from './large-replies.ts'
import { LargeTransfer } from './large-transfer.ts'
import { limitEvents } from './limited-stream.ts'
import { retryAfterMs } from './retry-after.ts'
import { withoutNulls } from '../messages/raw-results.ts'
import { exchanges, isOfRequest } from '../messages/stream-context.ts'

/** With these a server refuses a request that it may take later. */
const FOR_NOW = new Set([429, 502, 503, 504])
/** Timeout of exchanges without a deadline: notifications, answers, and the end of a session. */
const NO_REQUEST_MS = 60_000

interface LimitedFetchOptions {
  /** Opens connections where the policy allows them. */
  readonly outbound: Outbound
  /** Of each event of an event stream, and of any other body whole, decoded. */
  readonly maxBytes: number
  readonly cookies: CookieJar
  /** The header `via` of each request; absent if there is none. */
  readonly via?: string | undefined
  /** Whether the response to a request holds its answer; over HTTP+SSE it never does. */
  readonly answersInPlace: boolean
  /** Keeps the beginnings of events. */
  readonly heads: EventHeads
  /** The large responses of the connection. */
  readonly large: LargeReplies
  /** The policy for outgoing requests does not allow the address of the server; the SDK may lose the reason. */
  readonly onRefused: (reason: string) => void
  /** Told, while there is a flood, how many notifications were left out. */
  readonly onLeftOut: (count: number) => void
  /** A stream has been opened that is not the response to a message. */
  readonly onStream: () => void
  /** The server has answered whether there is such a stream, or could not be asked. */
  readonly onStreamAnswered: () => void
}

/**
 * A `fetch` for one connection: response bodies are limited as they arrive, and cookies go back where they came from.
 */
export function limitedFetch(options: LimitedFetchOptions): FetchLike {
  return async (url, init) => {
    const target = new URL(url)
    const transfer = transferOf(options.large)
    const response = await send(target, init, { ...options, transfer }).catch((error: unknown) => {
      const refused = refusalIn(error)
      if (refused !== undefined) options.onRefused(refused.message)
      if (init?.method === 'GET') options.onStreamAnswered()
      throw error
    })
    if (init?.method === 'GET') options.onStreamAnswered()
    options.cookies.keep(target, response)
    if (init?.method === 'POST' && isOfRequest()) await checkAnswer(response, options)
    if (response.body === null) return withLenientJson(response)
    if (init?.method === 'GET') options.onStream()
    return limited(response, response.body, init, { ...options, transfer })
  }
}

/**
 * @throws NoAnswer where the answer should be in the response and cannot be; SdkHttpError where the server says when to come
 * again, which the SDK would lose
 */
async function checkAnswer(
  response: Response,
  { answersInPlace }: Pick<LimitedFetchOptions, 'answersInPlace'>,
): Promise<void> {
  const { status, statusText, headers } = response
  if (answersInPlace && WITHOUT_ANSWER.has(status)) throw new NoAnswer(status)
  const waitMs = FOR_NOW.has(status) ? retryAfterMs(headers.get('retry-after')) : undefined
  if (waitMs === undefined) return
  const text = await response.text().catch(() => '')
  throw refusal(status, { statusText, text, retryAfterMs: waitMs })
}

/** The way of one response, whose request knows when it is held. */
function transferOf(large: LargeReplies): LargeTransfer {
  const request = exchanges.getStore()?.request
  return new LargeTransfer(large, () => request?.noteHeld())
}

type OneFetch = LimitedFetchOptions & { readonly transfer: LargeTransfer }

async function send(
  url: URL,
  init: RequestInit | undefined,
  { outbound: { dispatcher }, cookies, via, maxBytes, transfer }: OneFetch,
): Promise<Response> {
  const headers = new Headers(init?.headers)
  if (via !== undefined) headers.set('via', via)
  const cookie = cookies.headerFor(url, headers.get('cookie'))
  if (cookie !== undefined) headers.set('cookie', cookie)
  const { method = 'GET', body } = init ?? {}
  const signal = deadlineOf(init)
  return exchange(
    url,
    { method, headers, body: typeof body === 'string' ? body : undefined, signal },
    { dispatcher, maxBytes, transfer },
  )
}

function deadlineOf(init: RequestInit | undefined): AbortSignal | undefined {
  const isBounded = init?.method === 'GET' || isOfRequest() || exchanges.getStore() === undefined
  if (isBounded) return init?.signal ?? undefined
  const late = AbortSignal.timeout(NO_REQUEST_MS)
  return init?.signal ? AbortSignal.any([init.signal, late]) : late
}

/** The SDK reads a body that is no stream as JSON, and what is null where JSON-RPC has nothing is taken for nothing. */
function withLenientJson(response: Response): Response {
  const json = async (): Promise<unknown> => withoutNulls(JSON.parse(await response.text()))
  return Object.defineProperty(response, 'json', { value: json })
}

function limited(
  { headers, status, statusText }: Response,
  body: ReadableStream<Uint8Array>,
  init: RequestInit | undefined,
  { maxBytes, heads, answersInPlace, transfer, onLeftOut }: OneFetch,
): Response {
  const requestId = (): RequestId | undefined => requestIdOf(init?.body)
  const endsAtEndpoint = answersInPlace && isOfRequest()
  const limit = limitEvents(maxBytes, requestId, {
    heads: { note: (event) => heads.note(event), endsAtEndpoint },
    transfer,
    onLeftOut,
  })
  return new Response(body.pipeThrough(limit), { status, statusText, headers })
}

/** The id of the one request that a body holds. */
function requestIdOf(body: unknown): RequestId | undefined {
  if (typeof body !== 'string') return undefined
  const message: unknown = JSON.parse(body)
  const id = isJsonObject(message) ? message['id'] : undefined
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}
