import { classifyInboundRequest, type InboundHttpRequest } from '@modelcontextprotocol/server'
import type { Request, Response } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { AnswerWriter } from '../../replicas/replica-relay.ts'
import { attachSender, type Sender } from '../conversation.ts'
import { checkInitialize, isInitialize } from './initialize.ts'
import { checkEnvelope, isRequest, messageIn, notAMessage, withoutNulls } from '../message.ts'
import { type EndpointOptions, ModernEndpoint } from './modern-endpoint.ts'
import { requestIdIn } from '../request-ids.ts'
import { type DirectStream, SessionChannels } from './session-channels.ts'
import { checkAccepts } from './request-heads.ts'
import { SessionRequests } from './session-requests.ts'

const TRANSPORT = 'streamable-http'
/** The stateless revision, which has only `POST` (MCP 2026-07-28, Streamable HTTP). */
const MODERN_REVISION = '2026-07-28'

/**
 * `POST`, `GET` and `DELETE` of `/mcp` and `/mcp/{server}`: determines the era of a request, and keeps a session for
 * legacy clients (MCP 2025-11-25, Streamable HTTP). Every request of a session must come from the principal that opened
 * it.
 */
export class StreamableHttpEndpoint {
  readonly #options: EndpointOptions
  readonly #modern: ModernEndpoint
  readonly #channels: SessionChannels
  readonly #requests: SessionRequests

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#channels = new SessionChannels(options)
    this.#requests = new SessionRequests(options, this.#channels)
    this.#modern = new ModernEndpoint(options)
  }

  async handle(request: Request, response: Response, sender: Sender): Promise<void> {
    const body = withoutNulls(request.body)
    request.body = body
    if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
    if (request.method === 'POST') checkAccepts(request)
    const outcome = classifyInboundRequest(asInbound(request, body))
    if (outcome.kind === 'reject' && outcome.rung === 'jsonrpc-shape') throw notAMessage()
    if (outcome.kind !== 'legacy') {
      checkEnvelope(body)
      return this.#modern.handle(request, response, sender)
    }
    attachSender(request, sender)
    const sessionId = request.get('mcp-session-id')
    if (sessionId !== undefined) return this.#requests.handle(request, response, { sessionId, sender })
    if (request.method !== 'POST' && request.get('mcp-protocol-version') === MODERN_REVISION) {
      response.setHeader('Allow', 'POST')
      throw new GatewayError(
        'method_not_allowed',
        `The method is ${request.method}; clients of revision ${MODERN_REVISION} must use POST`,
      )
    }
    if (!isInitialize(body) || requestIdIn(body) === undefined) {
      throw new GatewayError(
        'invalid_request',
        'Mcp-Session-Id is missing, and the request is not initialize',
      )
    }
    checkInitialize(body)
    return this.#open(request, response, sender)
  }

  /**
   * The session of a request for the direct path; undefined if the general path has to serve or to refuse it.
   * @param scope the one server that the request addresses
   */
  directSession(
    sessionId: string,
    principal: Principal,
    scope: string | undefined,
  ): DirectStream | undefined {
    const channel = this.#channels.known(sessionId)
    if (channel === undefined || channel.scope !== scope || !channel.direct.isQuiet) return undefined
    if (!this.#requests.isHere(channel)) return undefined
    try {
      this.#options.sessions.of(channel.session.id, principal, TRANSPORT)
      return channel.stream
    } catch {
      return undefined
    }
  }

  /** Answers a request that arrived at another replica. */
  handleRelayed(json: JsonObject, writer: AnswerWriter, signal: AbortSignal): Promise<void> {
    return this.#requests.handleRelayed(json, writer, signal)
  }

  /** Takes what another replica tells of a session. */
  onNews(news: JsonObject): void {
    this.#requests.onNews(news)
  }

  close(): Promise<void> {
    return this.#modern.close()
  }

  async #open(
    request: Request,
    response: Response,
    { identity: { principal, address }, scope }: Sender,
  ): Promise<void> {
    const message = messageIn(request.body)
    const params = isRequest(message) ? message.params : undefined
    const { transport } = await this.#channels.open({ principal, scope, address }, { ...params })
    transport.post(request, response, message)
  }
}

/** The parts of a request from which the SDK determines its era. */
function asInbound(request: Request, body: unknown): InboundHttpRequest {
  const protocolVersionHeader = request.get('mcp-protocol-version')
  const mcpMethodHeader = request.get('mcp-method')
  const mcpNameHeader = request.get('mcp-name')
  return {
    httpMethod: request.method,
    ...(protocolVersionHeader !== undefined && { protocolVersionHeader }),
    ...(mcpMethodHeader !== undefined && { mcpMethodHeader }),
    ...(mcpNameHeader !== undefined && { mcpNameHeader }),
    ...(request.method === 'POST' && { body }),
  }
}
