import {
  CLIENT_CAPABILITIES_META_KEY,
  LOG_LEVEL_META_KEY,
  SdkError,
  SdkErrorCode,
} from '@modelcontextprotocol/client'
import { type Clock, LONGEST_DELAY_MS } from '../../domain/clock.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ClientSide } from '../messages/client-side.ts'
import { PausableDeadline } from '../messages/pausable-deadline.ts'
import type { RequestOptions } from './connection.ts'

const PARAMETER_HEADER = /^mcp-param-/i

/** Whether nothing but the answer concerns anybody. */
export function isPlainRequest({ onProgress, maxTotalMs, client }: RequestOptions): boolean {
  if (onProgress !== undefined || maxTotalMs !== undefined) return false
  return client === undefined || (client.ask === undefined && client.logLevel === undefined)
}

/** The headers of one request: those for its parameters, and those of its caller. All others belong to the connection. */
export function ownHeaders({
  headers,
  forwarded,
}: Pick<RequestOptions, 'headers' | 'forwarded'>): Readonly<Record<string, string>> | undefined {
  if (headers === undefined) return forwarded
  const parameters = Object.entries(headers).filter(([name]) => PARAMETER_HEADER.test(name))
  return { ...forwarded, ...Object.fromEntries(parameters) }
}

/** A request as the SDK takes it. */
interface SdkRequest {
  readonly method: string
  readonly params?: JsonObject
}

/** The request as the SDK takes it; with the capabilities of the client that it is made for, if there is one. */
export function messageFor(
  { method, params }: { method: string; params: JsonObject | undefined },
  client: ClientSide | undefined,
): SdkRequest {
  if (client === undefined) return { method, ...(params !== undefined && { params }) }
  const meta = params?.['_meta']
  const { capabilities, logLevel } = client
  return {
    method,
    params: {
      ...params,
      _meta: {
        ...(isJsonObject(meta) && meta),
        [CLIENT_CAPABILITIES_META_KEY]: capabilities,
        ...(logLevel !== undefined && { [LOG_LEVEL_META_KEY]: logLevel }),
      },
    },
  }
}

/** How the SDK limits the time of a request. */
interface SdkLimits {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  /** Aborts the signal in place of the timeout. */
  readonly deadline?: PausableDeadline
}

/**
 * The timeout of a request as the SDK takes it, or a deadline in its place where it may have to restart or pause.
 * @param options.mayPause whether the server may ask the client of the request before it answers
 */
export function limitsOf(
  { signal, timeoutMs, maxTotalMs, client }: RequestOptions,
  { mayPause, clock }: { mayPause: boolean; clock: Clock },
): SdkLimits {
  const pauses = mayPause && client?.ask !== undefined
  if (!pauses && maxTotalMs === undefined) return { signal, timeoutMs }
  const expiry = new AbortController()
  const onExpired = (): void => expiry.abort(new SdkError(SdkErrorCode.RequestTimeout, 'Request timed out'))
  return {
    signal: signal === undefined ? expiry.signal : AbortSignal.any([signal, expiry.signal]),
    timeoutMs: LONGEST_DELAY_MS,
    deadline: new PausableDeadline({ clock, timeoutMs, maxTotalMs, onExpired }),
  }
}
