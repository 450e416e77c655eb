import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '../../domain/clock.ts'
import { ownerOf, type QueueOwner } from '../../domain/concurrency/fair-queue.ts'
import { type Admit, type GatedWork, overloaded } from '../../domain/concurrency/gated-work.ts'
import type { AcceptedToken, TokenVerifier } from '../../identity/token-verifier.ts'
import { jsonRpcErrorOf } from '../../mcp/protocol-error.ts'
import { problemOf } from '../../rest/problem.ts'
import { UpgradeResponse } from '../upgrade.ts'
import { UNKNOWN_CALLER } from './recent-work.ts'

interface GateOptions {
  readonly admit: Admit
  readonly verifier: Pick<TokenVerifier, 'cached'>
  readonly clock: Clock
  /** Finds the client behind trusted proxies; without them it is the peer of the connection. */
  readonly addressOf?: ((request: IncomingMessage) => string | undefined) | undefined
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Monotonic milliseconds; absent for requests from inside the process. */
    arrivedAt?: number
    /** Its token, if that was verified recently. */
    acceptedToken?: AcceptedToken | undefined
  }
}

/**
 * Makes a listener that passes requests to `serve` when they are admitted; probes and streams always are. It is in front of
 * everything, before a body is read or a token verified, because it shares the gateway's own time.
 */
export function gated(options: GateOptions, serve: RequestListener): RequestListener {
  return (request, response) => {
    request.arrivedAt = options.clock.monotonic()
    const { addressOf } = options
    request.clientAddress = addressOf === undefined ? request.socket.remoteAddress : addressOf(request)
    if (passes(request, response)) return serve(request, response)
    const end = options.admit(new RequestWork(options, { serve, request, response }))
    response.on('close', end)
  }
}

class RequestWork implements GatedWork {
  readonly #options: GateOptions
  readonly #serve: RequestListener
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #owner: QueueOwner | undefined

  constructor(
    options: GateOptions,
    given: { serve: RequestListener; request: IncomingMessage; response: ServerResponse },
  ) {
    this.#options = options
    this.#serve = given.serve
    this.#request = given.request
    this.#response = given.response
  }

  /** Requests whose token was not verified recently share one owner. */
  get owner(): QueueOwner {
    this.#owner ??= this.#findOwner()
    return this.#owner
  }

  #findOwner(): QueueOwner {
    const { authorization = '' } = this.#request.headers
    const verified = this.#options.verifier.cached(authorization.slice('Bearer '.length))
    this.#request.acceptedToken = verified
    if (verified === undefined) return UNKNOWN_CALLER
    let owner = owners.get(verified)
    if (owner === undefined) owners.set(verified, (owner = ownerOf(verified.principal)))
    this.#request.socket.tenantId = owner.tenant
    return owner
  }

  begin(): void {
    this.#serve(this.#request, this.#response)
  }

  refuse(): void {
    if (this.#response.destroyed) return
    const error = overloaded()
    const isMcp = /^\/(mcp|messages)\b/.test(this.#request.url ?? '')
    this.#response.writeHead(503, {
      'Content-Type': isMcp ? 'application/json' : 'application/problem+json',
      'Retry-After': String(Math.ceil((error.facts.retryAfterMs ?? 0) / 1000)),
      'X-Content-Type-Options': 'nosniff',
    })
    const body = isMcp
      ? { jsonrpc: '2.0', id: null, error: jsonRpcErrorOf(error, 'legacy') }
      : problemOf(error, undefined)
    this.#response.end(JSON.stringify(body))
    this.#request.resume()
  }
}

/** The owners of verified tokens, cached. */
const owners = new WeakMap<AcceptedToken, QueueOwner>()

/** Probes, and streams, which are limited as connections and sessions. */
function passes({ method, url = '', headers }: IncomingMessage, response: ServerResponse): boolean {
  if (response instanceof UpgradeResponse || url === '/healthz' || url === '/readyz') return true
  return method === 'GET' && headers.accept?.includes('text/event-stream') === true
}
