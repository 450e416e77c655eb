import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Caller } from '../../calls/call.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { TurnBatch } from '../../domain/concurrency/waits.ts'
import {
  type HeldBytes,
  type HeldRequest,
  isSmall,
  SHORT_BYTES,
  memoryOf,
} from '../../domain/concurrency/held-bytes.ts'
import { toGatewayError } from '../../domain/errors/errors.ts'
import { Presented } from '../../domain/presented.ts'
import { EVERYTHING, isFor } from '../../identity/audience.ts'
import type { TokenVerifier } from '../../identity/token-verifier.ts'
import type { SessionStore } from '../../mcp/session/session-store.ts'
import type { SseEndpoint } from '../../mcp/transports/sse-endpoint.ts'
import type { StreamableHttpEndpoint } from '../../mcp/transports/streamable-http-endpoint.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { withRemoteParent } from '../../telemetry/tracing.ts'
import { clientNameIn } from '../middleware/authenticate.ts'
import { bytesProblem } from '../../domain/json/json-scan.ts'
import { allowedHost } from '../middleware/head-checks.ts'
import { DirectAnswer } from './direct-answer.ts'
import type { DirectCall, DirectCallOptions } from './direct-call.ts'
import { type DirectHead, directHead } from './direct-head.ts'
import { messageCall } from './message-call.ts'
import { modernCall, modernList } from './modern-call.ts'
import { sessionCall } from './session-call.ts'
import { toolCall } from './tool-call.ts'

interface DirectOptions extends DirectCallOptions {
  readonly verifier: Pick<TokenVerifier, 'cached'>
  readonly allowedHosts: readonly string[]
  readonly maxBodyBytes: number
  /** Limits the memory of large requests in progress. */
  readonly heldBytes: HeldBytes
  readonly hasSnapshot: () => boolean
  readonly sessions: Pick<SessionStore, 'isAccepting'>
  readonly catalog: Catalog
  readonly logger: Logger
  readonly streamableHttp: Pick<StreamableHttpEndpoint, 'directSession'>
  readonly sse: Pick<SseEndpoint, 'directMessages'>
  /** Serves every request that is not a plain call: the Express application. */
  readonly general: RequestListener
}

/**
 * The entry of the direct path. It serves plain calls of callers whose token was verified recently in as few steps as
 * possible, and passes every other request to the Express application unchanged. Its checks refuse nothing: only those of
 * the application do.
 */
export class DirectListener {
  readonly #options: DirectOptions
  readonly #received: TurnBatch
  readonly #isAllowedHost: (host: string | undefined) => boolean
  #hasSnapshot = false

  constructor(options: DirectOptions) {
    this.#options = options
    this.#received = new TurnBatch(() => options.calls.inFlight === 0)
    this.#isAllowedHost = allowedHost(options.allowedHosts)
  }

  readonly listener: RequestListener = (request, response) => {
    const head = directHead(request)
    if (head === undefined || !this.#isOpenTo(request, head)) return this.#options.general(request, response)
    readBody(request, head.length, (body) =>
      this.#received.run(() => this.#serve(request, response, { head, body })),
    )
  }

  /** Whether every check in front of the routes would let the request pass. */
  #isOpenTo(
    { headers, acceptedToken }: IncomingMessage,
    { path, token, length, postedTo }: DirectHead,
  ): boolean {
    const { verifier, hasSnapshot, sessions, maxBodyBytes } = this.#options
    if (length > maxBodyBytes) return false
    const verified = acceptedToken ?? verifier.cached(token)
    if (verified === undefined) return false
    // A posted message needs a token for the path at which its session was opened, which the session knows.
    const { paths } = verified
    if (postedTo === undefined && paths[0] !== EVERYTHING && !isFor(paths, path)) return false
    // From the first snapshot on there is always one.
    this.#hasSnapshot ||= hasSnapshot()
    return this.#hasSnapshot && sessions.isAccepting && this.#isAllowedHost(headers.host)
  }

  #serve(
    request: IncomingMessage,
    response: ServerResponse,
    { head, body }: { head: DirectHead; body: Buffer },
  ): void {
    if (response.destroyed) return
    const call =
      bytesProblem(body) === undefined ? this.#callIn(request, response, { head, body }) : undefined
    if (call === undefined) return this.#general(request, response, body)
    const { traceparent, tracestate } = request.headers
    const holding = body.length > SHORT_BYTES ? this.#hold(request.socket, body) : undefined
    // The general path refuses it.
    if (holding === 'no room') return this.#general(request, response, body)
    const answer = new DirectAnswer(request, response)
    const run = (): void => {
      const over = call(answer).catch((error: unknown) => this.#failed(error, response))
      if (holding !== undefined) void over.then(() => holding.release())
    }
    if (traceparent === undefined) run()
    else withRemoteParent({ traceparent, tracestate }, run)
  }

  #general(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    request.bodyBytes = body
    this.#options.general(request, response)
  }

  /** Counts the memory of a call until it has ended; undefined if it is small. */
  #hold({ tenantId = '' }: Socket, body: Buffer): HeldRequest | 'no room' | undefined {
    const bytes = memoryOf(body)
    if (isSmall(bytes)) return undefined
    const request = this.#options.heldBytes.begin(tenantId)
    return request.grow(bytes) ? request : 'no room'
  }

  #callIn(
    { headers, clientAddress, arrivedAt }: IncomingMessage,
    response: ServerResponse,
    { head, body }: { head: DirectHead; body: Buffer },
  ): DirectCall | undefined {
    // It may have expired, or the keys may have changed, while the body arrived.
    const verified = this.#options.verifier.cached(head.token)
    if (verified === undefined) return undefined
    const caller = {
      principal: verified.principal,
      clientName: headers['x-client-name'] && clientNameIn(headers),
      address: clientAddress,
      sessionId: undefined,
      arrivedAt,
      presented: new Presented(head.token, headers),
    } satisfies Partial<Caller>
    let parsed: unknown
    try {
      parsed = JSON.parse(body.toString())
    } catch {
      return undefined
    }
    const { toolId, scope, postedTo } = head
    if (toolId !== undefined) return toolCall(this.#options, { caller, body: parsed, toolId })
    if (postedTo !== undefined) {
      const found = this.#options.sse.directMessages(postedTo, verified)
      return messageCall(this.#options, { caller, body: parsed, found })
    }
    const given = { caller, headers, body: parsed, scope }
    const sessionId = headers['mcp-session-id']
    if (typeof sessionId !== 'string')
      return modernCall(this.#options, given) ?? modernList(this.#options, given)
    const found = this.#options.streamableHttp.directSession(sessionId, caller.principal, scope)
    return sessionCall(this.#options, { ...given, response, found })
  }

  #failed(thrown: unknown, response: ServerResponse): void {
    this.#options.logger.error(
      { err: toGatewayError(thrown).cause ?? thrown },
      'request failed in the gateway',
    )
    response.destroy()
  }
}

/**
 * The whole body of a request whose head states its length.
 * @param done called once, when the last byte has arrived; never if the client goes away before
 */
function readBody(request: IncomingMessage, length: number, done: (body: Buffer) => void): void {
  // The body of a request that was queued has already arrived.
  if (request.complete && request.readableLength === length) {
    const body: unknown = request.read()
    if (body instanceof Buffer) return done(body)
  }
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
  })
  // Node then emits the body as it arrives, and need not drain the request after the response.
  request.read(0)
  request.on('end', () => {
    const [first] = chunks
    // Node ends a body that is shorter than its length with an error.
    if (size === length && first !== undefined) done(chunks.length === 1 ? first : Buffer.concat(chunks))
  })
}
