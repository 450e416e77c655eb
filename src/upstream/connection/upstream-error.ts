import { SdkError, SdkErrorCode, SdkHttpError, SseError } from '@modelcontextprotocol/client'
import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { type ErrorFacts, GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { NoAnswer } from '../fetch/exchange-heads.ts'
import { isOversizedReply, isUnreadableReply, ResponseTooLarge } from '../messages/oversized-message.ts'
import { boundedError, rawError, type RpcError, rpcErrorIn } from '../messages/raw-results.ts'
import { STREAM_ENDED, UNREADABLE } from '../messages/requests-in-flight.ts'
import { invalidResult, isUnfitOpening, UNKNOWN_VERSION, VERSION_REFUSED } from './opening/opening-answer.ts'
import { NotSent } from '../stdio/stdio-transport.ts'
import { connectionFailure, unreachableCode } from './opening/unreachable.ts'

/** The circumstances of a failed request. */
export interface FailedRequest {
  readonly server: string
  /** Whether the caller's signal was aborted. */
  readonly isCancelled: boolean
  /** Whether the server has lost the session, and executed nothing. */
  readonly isSessionLost: boolean
}

/**
 * Maps what the SDK, `fetch` and the transports throw to errors that callers may see. Only JSON-RPC errors of an
 * upstream and its HTTP status get into the message, nothing else that it wrote.
 */
export function upstreamError(error: unknown, request: FailedRequest): GatewayError {
  if (error instanceof GatewayError) return error
  const cause = request.isSessionLost ? new SessionLost({ cause: error }) : error
  const { code, ...facts } = classify(cause, request)
  const status = facts.upstream === undefined ? httpStatusOf(cause) : undefined
  const text = MESSAGES[code]?.(request.server)
  const message = text !== undefined && status !== undefined ? `${text} (HTTP ${status})` : text
  return new GatewayError(code, message, { cause, facts: { server: request.server, ...facts } })
}

/** The server has lost the session, so it has not handled the request. */
class SessionLost extends Error {
  override readonly name = 'SessionLost'

  constructor(options: { cause: unknown }) {
    super('the server no longer knows the session', options)
  }
}

/**
 * Whether a request failed because its server has lost the session: nothing was executed, and it may succeed over a new
 * connection.
 */
export function isSessionLost(error: unknown): boolean {
  return isCausedBy(error, 'SessionLost')
}

/** The error for a call that cannot be sent, because no instance of the server is available. */
export function serverUnavailable(server: string, retryAfterMs?: number): GatewayError {
  return new GatewayError('upstream_unavailable', `Server ${server} is unavailable`, {
    facts: { server, mayHaveExecuted: false, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  })
}

const NOT_RUN: ReadonlySet<ErrorCode> = new Set(['upstream_unavailable', 'upstream_refused'])

/** Whether a request was never sent, or was refused, so that another instance can safely run it. */
export function isNeverSent(error: unknown): boolean {
  return error instanceof GatewayError && NOT_RUN.has(error.code) && error.facts.mayHaveExecuted === false
}

/** The answer of a server is not a valid answer to the request. */
export class UnfitAnswer extends Error {
  override readonly name = 'UnfitAnswer'
}

/** Whether a request failed because of an invalid answer, so that the server is available and supports the protocol. */
export function isUnfitAnswer(error: unknown): boolean {
  return isCausedBy(error, 'UnfitAnswer')
}

/** Checks the name, because redacted errors are plain errors. */
function isCausedBy(error: unknown, name: string): boolean {
  for (let current = error; isJsonObject(current); current = current['cause']) {
    if (current['name'] === name) return true
  }
  return false
}

const MESSAGES: Partial<Record<ErrorCode, (server: string) => string>> = {
  upstream_unavailable: (server) => `Server ${server} is unavailable`,
  upstream_refused: (server) => `Server ${server} refused the call`,
  upstream_timeout: (server) => `Server ${server} did not respond in time`,
  upstream_bad_response: (server) => `Server ${server} returned an invalid response`,
  upstream_error: (server) => `Server ${server} returned an error`,
  response_too_large: (server) => `The response of server ${server} is too large`,
}

type Classified = { readonly code: ErrorCode } & ErrorFacts

function classify(error: unknown, { isCancelled }: FailedRequest): Classified {
  if (isCancelled) return { code: 'cancelled', mayHaveExecuted: true }
  if (error instanceof SessionLost) return { code: 'upstream_unavailable', mayHaveExecuted: false }
  if (error instanceof ResponseTooLarge) return { code: 'response_too_large', mayHaveExecuted: true }
  if (error instanceof NotSent) return { code: 'upstream_unavailable', mayHaveExecuted: false }
  const rpc = rpcErrorOf(error)
  if (rpc !== undefined) return classifyRpc(rpc)
  if (error instanceof SdkHttpError) return classifyHttp(error)
  if (error instanceof SdkError) return classifySdk(error.code)
  const status = failedPost(error)?.status
  if (status !== undefined) return classifyStatus(status)
  return classifyOther(error)
}

function classifyOther(error: unknown): Classified {
  if (isFetchFailure(error))
    return { code: 'upstream_unavailable', mayHaveExecuted: unreachableCode(error) === undefined }
  if (error instanceof Error && error.message === 'Not connected')
    return { code: 'upstream_unavailable', mayHaveExecuted: false }
  return { code: 'upstream_bad_response', mayHaveExecuted: true }
}

/**
 * The JSON-RPC error with which a request was answered, recognised by its shape: each package of the SDK has separate
 * error classes.
 */
export function rpcErrorOf(error: unknown): RpcError | undefined {
  if (!(error instanceof Error) || error instanceof SseError) return undefined
  if (!('code' in error) || typeof error.code !== 'number') return undefined
  const raw = 'data' in error ? rawError(error.data) : undefined
  if (raw !== undefined) return raw
  return {
    code: error.code,
    message: error.message,
    ...('data' in error && error.data !== undefined && { data: error.data }),
  }
}

function classifyRpc(upstream: RpcError): Classified {
  if (isUnreadableReply(upstream.code, upstream.data))
    return { code: 'upstream_bad_response', mayHaveExecuted: true }
  if (isOversizedReply(upstream.code, upstream.data))
    return { code: 'response_too_large', mayHaveExecuted: true }
  if (upstream.data === STREAM_ENDED) return { code: 'upstream_unavailable', mayHaveExecuted: true }
  if (upstream.data === UNREADABLE) return { code: 'upstream_bad_response', mayHaveExecuted: true }
  return { code: 'upstream_error', upstream: boundedError(upstream) }
}

/**
 * An HTTP error may have the JSON-RPC error in its body (2026-07-28, Streamable HTTP: unknown methods are 404), also one
 * of 500, with which many servers say what broke.
 */
function classifyHttp({ status, data }: SdkHttpError): Classified {
  const rpc = BY_PROXIES.has(status) ? undefined : rpcErrorIn(data['text'])?.error
  if (rpc === undefined) return classifyStatus(status, data['retryAfterMs'])
  return { ...classifyRpc(rpc), ...(status >= 500 && { mayHaveExecuted: true }) }
}

/** What stands in front of a server that is down answers with these. */
const BY_PROXIES = new Set([502, 503, 504])

function classifyStatus(status: number, retryAfterMs?: unknown): Classified {
  const facts = typeof retryAfterMs === 'number' ? { retryAfterMs } : {}
  if (status === 401 || status === 403) return { code: 'upstream_refused', mayHaveExecuted: false }
  if (status === 429) return { code: 'upstream_unavailable', mayHaveExecuted: false, ...facts }
  if (BY_PROXIES.has(status)) return { code: 'upstream_unavailable', mayHaveExecuted: true, ...facts }
  return { code: 'upstream_bad_response', mayHaveExecuted: status >= 500 }
}

function classifySdk(code: SdkErrorCode): Classified {
  if (code === SdkErrorCode.RequestTimeout) return { code: 'upstream_timeout', mayHaveExecuted: true }
  if (code === SdkErrorCode.ConnectionClosed) return { code: 'upstream_unavailable', mayHaveExecuted: true }
  if (code === SdkErrorCode.NotConnected) return { code: 'upstream_unavailable', mayHaveExecuted: false }
  return { code: 'upstream_bad_response', mayHaveExecuted: true }
}

/** The HTTP error of a failed POST of the SSE transport, which reports it only in a message. */
export function failedPost(error: unknown): { readonly status: number; readonly text: string } | undefined {
  if (!(error instanceof Error)) return undefined
  const [start, status] = /^Error POSTing to endpoint \(HTTP (\d{3})\): /.exec(error.message) ?? []
  if (start === undefined) return undefined
  return { status: Number(status), text: error.message.slice(start.length) }
}

/** Checks the name, not the class: errors of `fetch` may come from another realm. */
function isFetchFailure(error: unknown): boolean {
  const name = isJsonObject(error) ? error['name'] : undefined
  return name === 'TypeError' || name === 'AbortError'
}

/** Why a connection could not be opened, for operators. It contains nothing of a response's body. */
export function openingFailure(error: unknown): string {
  if (error instanceof GatewayError) return error.message
  if (unreachableCode(error) !== undefined) return connectionFailure(error)
  const status = statusOf(error)
  if (status !== undefined) return statusText(status, redirectIn(error))
  if (error instanceof SdkError) return sdkFailure(error)
  if (error instanceof NoAnswer)
    return `it accepted the request with HTTP ${error.status}, but did not send a response`
  const rpc = rpcErrorOf(error)
  if (rpc !== undefined) return rpcFailure(rpc)
  if (isFetchFailure(error)) return connectionFailure(error)
  return error instanceof Error ? toldBySdk(error) : BROKEN
}

const BROKEN = 'it violated the protocol while the connection was opening'

/** What the SDK reports only in a name or a message. */
function toldBySdk({ name, message }: Error): string {
  if (name === 'SyntaxError') return 'its response is not JSON'
  if (name.endsWith('ZodError'))
    return 'its response is not a JSON-RPC message with a result or an error that is an object'
  if (message.startsWith(VERSION_REFUSED)) return UNKNOWN_VERSION
  const [, origin] = /^Endpoint origin does not match connection origin: (\S{1,300})/.exec(message) ?? []
  if (origin === undefined) return BROKEN
  return `it asks for messages at another origin (${plain(origin)}), which the gateway does not allow; if that is the intended server, write url with that origin`
}

function rpcFailure({ code, message, data }: RpcError): string {
  if (data === STREAM_ENDED) return 'its event stream ended without a response'
  if (data === UNREADABLE || isUnreadableReply(code, data)) return 'its response is not a JSON-RPC message'
  if (isUnfitOpening(data)) return plain(message)
  return `it refused to initialize with error ${code}: ${plain(message)}`
}

/** Whether a server answered like one that only supports HTTP+SSE. */
export function isOfOtherTransport(error: unknown): boolean {
  const status = statusOf(error)
  if (status !== undefined)
    return status === 501 || (status >= 400 && status < 500 && status !== 401 && status !== 429)
  if (!(error instanceof SdkError)) return error instanceof NoAnswer
  if (error.code === SdkErrorCode.ClientHttpUnexpectedContent) return true
  return error.cause !== undefined && isOfOtherTransport(error.cause)
}

/** The HTTP status that caused a failure to open. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof SdkHttpError) return error.status
  if (error instanceof SseError) return error.code
  return failedPost(error)?.status
}

/** The HTTP status with which a request failed, if any. */
export function httpStatusOf(error: unknown): number | undefined {
  for (let current = error; isJsonObject(current); current = current['cause']) {
    const { status } = current
    const known = typeof status === 'number' ? status : statusOf(current)
    if (known !== undefined) return known
  }
  return undefined
}

function statusText(status: number, redirect: string | undefined): string {
  if (status === 401 || status === 403) return `it refused the gateway's credentials (HTTP ${status})`
  if (redirect !== undefined)
    return `it redirects to ${redirect} (HTTP ${status}), which is not followed; write that address into url if it is the intended server`
  if (status === 508) return 'its address loops back to this gateway or is part of a redirect loop (HTTP 508)'
  return `it answered with HTTP ${status}`
}

/** The target of a redirect that the SDK has not followed, without its query. */
function redirectIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const [, target] =
    /(?:Redirect to|; try) (\S{1,500}) (?:not followed|as the endpoint)/.exec(error.message.slice(0, 1000)) ??
    []
  return target === undefined ? undefined : plain(target)
}

const SDK_FAILURES: Partial<Record<SdkErrorCode, string>> = {
  [SdkErrorCode.RequestTimeout]: 'it did not respond in time',
  [SdkErrorCode.ConnectionClosed]: 'the connection closed while it was opening',
  [SdkErrorCode.NotConnected]: 'the connection closed while it was opening',
  [SdkErrorCode.EraNegotiationFailed]: 'no common protocol version was found',
}

function sdkFailure(error: SdkError): string {
  if (error.code === SdkErrorCode.EraNegotiationFailed && error.cause !== undefined)
    return openingFailure(error.cause)
  if (error.code === SdkErrorCode.ClientHttpUnexpectedContent) return contentTypeText(error.data)
  if (error.code === SdkErrorCode.InvalidResult) return plain(invalidResult(error.message))
  return SDK_FAILURES[error.code] ?? 'it violated the protocol while the connection was opening'
}

function contentTypeText(data: unknown): string {
  const type = isJsonObject(data) ? data['contentType'] : undefined
  const came = typeof type === 'string' && type !== '' ? `the content type ${plain(type)}` : 'no content type'
  return `it answered with ${came}, where application/json or text/event-stream was expected`
}

function plain(text: string): string {
  return text.slice(0, 200).replaceAll(/\p{C}/gu, ' ')
}
