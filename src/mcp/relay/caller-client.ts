import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LOG_LEVEL_META_KEY,
  type ServerContext,
  type StandardSchemaV1,
} from '@modelcontextprotocol/server'
import { LONGEST_DELAY_MS } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { CallerClient } from '../../calls/call.ts'

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']
const LOG_MESSAGE = 'notifications/message'

/** Accepts every result as it is. */
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}

type Message = { readonly method: string; params?: JsonObject }

type Send = (
  request: Message,
  schema: typeof ANYTHING,
  options: { signal: AbortSignal; timeout: number },
) => Promise<unknown>

/** The part of the SDK's server that reaches the client of a legacy conversation. */
export interface ClientSide {
  getClientCapabilities(): JsonObject | undefined
  getClientVersion(): { readonly name: string } | undefined
  getNegotiatedProtocolVersion(): string | undefined
  readonly request: Send
  notification(notification: { method: string; params?: JsonObject }): Promise<void>
}

/** The client of a legacy conversation: it declared its capabilities once, and accepts requests at any time. */
export class LegacyClient implements CallerClient {
  readonly era = 'legacy'
  readonly #server: ClientSide
  readonly #isReachable: () => boolean
  #logLevel: string | undefined

  /** @param options.isReachable whether a request that belongs to no call can be sent now */
  constructor(options: { server: ClientSide; isReachable: () => boolean }) {
    this.#server = options.server
    this.#isReachable = options.isReachable
  }

  get capabilities(): JsonObject {
    return this.#server.getClientCapabilities() ?? {}
  }

  get name(): string | undefined {
    return this.#server.getClientVersion()?.name
  }

  /** The revision that the client and the gateway have agreed on. */
  get protocolVersion(): string | undefined {
    return this.#server.getNegotiatedProtocolVersion()
  }

  get logLevel(): string | undefined {
    return this.#logLevel
  }

  /** @throws GatewayError `invalid_arguments` */
  setLogLevel(level: unknown): void {
    if (typeof level !== 'string' || !LEVELS.includes(level))
      throw new GatewayError('invalid_arguments', `level must be one of ${LEVELS.join(', ')}`)
    this.#logLevel = level
  }

  /** Made on first use: most of the clients, of which there may be thousands, are never asked anything. */
  get ask(): NonNullable<CallerClient['ask']> {
    return (method, params, { signal }) => {
      if (!this.#isReachable()) return Promise.reject(new GatewayError('client_not_reachable'))
      return askedBy((...args) => this.#server.request(...args), message(method, params), signal)
    }
  }

  tell(method: string, params?: JsonObject): void {
    if (!isWanted(method, params, this.#logLevel)) return
    void this.#server.notification(message(method, params)).catch(() => undefined)
  }

  /** This client during one of its requests: everything is sent on the stream of that request. */
  during({ mcpReq }: ServerContext): CallerClient {
    const { era, name, capabilities, logLevel } = this
    return {
      era,
      name,
      capabilities,
      logLevel,
      ask: (method, params, { signal }) =>
        askedBy((...args) => mcpReq.send(...args), message(method, params), signal),
      tell: (method, params) => {
        if (isWanted(method, params, this.#logLevel))
          void mcpReq.notify(message(method, params)).catch(() => undefined)
      },
    }
  }
}

/** The client of one modern request, which declares its capabilities with each request. */
export function modernClient({ mcpReq }: ServerContext): CallerClient {
  const envelope: JsonObject = { ...mcpReq.envelope }
  const declared = envelope[CLIENT_CAPABILITIES_META_KEY]
  const level = envelope[LOG_LEVEL_META_KEY]
  const logLevel = typeof level === 'string' ? level : undefined
  const info = envelope[CLIENT_INFO_META_KEY]
  return {
    era: 'modern',
    name: isJsonObject(info) && typeof info['name'] === 'string' ? info['name'] : undefined,
    capabilities: isJsonObject(declared) ? declared : {},
    logLevel,
    tell: (method, params) => {
      if (method === LOG_MESSAGE && logLevel === undefined) return
      if (isWanted(method, params, logLevel))
        void mcpReq.notify(message(method, params)).catch(() => undefined)
    },
  }
}

async function askedBy(send: Send, request: Message, signal: AbortSignal): Promise<JsonObject> {
  let result: unknown
  try {
    // Callers end a request by their own signal.
    const answered = send(request, ANYTHING, { signal, timeout: LONGEST_DELAY_MS })
    // The SDK has sent it, and keeps the request until the answer comes.
    delete request.params
    result = await answered
  } catch (error) {
    throw notAnswered(error, signal)
  }
  if (!isJsonObject(result)) throw new GatewayError('client_not_reachable', 'The client gave no valid answer')
  return result
}

/** The client's own error, which the asking server gets unchanged; otherwise the reason why there is no answer. */
function notAnswered(error: unknown, signal: AbortSignal): GatewayError {
  if (signal.aborted) return new GatewayError('cancelled', undefined, { cause: error })
  const { code, data } = isJsonObject(error) ? error : {}
  if (typeof code !== 'number') return new GatewayError('client_not_reachable', undefined, { cause: error })
  const upstream = { code, message: messageOf(error), ...(data !== undefined && { data }) }
  return new GatewayError('client_not_reachable', undefined, { cause: error, facts: { upstream } })
}

function message(method: string, params: JsonObject | undefined): Message {
  return { method, ...(params !== undefined && { params }) }
}

/** Whether a notification is no log message, or is at least as severe as the client requested. */
function isWanted(method: string, params: JsonObject | undefined, least: string | undefined): boolean {
  if (method !== LOG_MESSAGE || least === undefined) return true
  const severity = LEVELS.indexOf(String(params?.['level']))
  return severity === -1 || severity >= LEVELS.indexOf(least)
}
