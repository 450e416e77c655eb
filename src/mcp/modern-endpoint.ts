import { randomUUID } from 'node:crypto'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  type McpHttpHandler,
  type McpServerFactory,
  type ServerEventBus,
} from '@modelcontextprotocol/server'
import type { Request, Response } from 'express'
import type { ViewWatch } from '../catalog/view-watch.ts'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import type { Logger } from '../telemetry/logger.ts'
import { callerOf, carriedBy, carryIdentity, whenTokenEnds } from './conversation.ts'
import { listChangedEvents } from './list-changed.ts'
import { CARRIED_METHODS, createMcpServer, type McpServerOptions } from './mcp-server.ts'
import type { SessionStore } from './session-store.ts'

export interface EndpointOptions extends McpServerOptions {
  readonly sessions: SessionStore
  readonly viewWatch: ViewWatch
  readonly clock: Clock
  readonly logger: Logger
}

/** `POST /mcp` of the stateless revision (MCP 2026-07-28): a fresh server for each request. */
export class ModernEndpoint {
  readonly #options: EndpointOptions
  readonly #handler: McpHttpHandler
  readonly #serve: ReturnType<typeof toNodeHandler>

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#handler = createMcpHandler(this.#factory, { legacy: 'reject', onerror: this.#onError })
    this.#serve = toNodeHandler(this.#handler, { onerror: this.#onError })
  }

  async handle(request: Request, response: Response, scope: string | undefined): Promise<void> {
    const { principal } = carryIdentity(request, scope)
    const body: unknown = request.body
    if (request.headers['mcp-method'] === 'subscriptions/listen') {
      await this.#listen(request, response, principal, scope)
    } else {
      await this.#serve(request, response, body)
    }
  }

  close(): Promise<void> {
    return this.#handler.close()
  }

  /** The SDK has proven the header equal to the body; without a fallback it answers unknown methods with 404. */
  readonly #factory: McpServerFactory = ({ authInfo, requestInfo }) => {
    const { identity, scope } = carriedBy(authInfo)
    const server = createMcpServer(this.#options, {
      scope,
      era: 'modern',
      callerOf: callerOf('streamable-http', undefined),
      instructions: this.#options.catalog.viewOf(identity.principal, scope).instructions,
    })
    if (!CARRIED_METHODS.has(requestInfo?.headers.get('mcp-method') ?? ''))
      delete server.fallbackRequestHandler
    return server
  }

  readonly #onError = (error: Error): void => {
    this.#options.logger.debug({ err: error }, 'modern MCP request refused')
  }

  /** A listen stream follows its own caller's view only, counts as a session, and ends with its token. */
  async #listen(
    request: Request,
    response: Response,
    principal: Principal,
    scope: string | undefined,
  ): Promise<void> {
    const { sessions, viewWatch, clock } = this.#options
    sessions.makeRoom(principal)
    const bus: ServerEventBus = {
      publish: () => undefined,
      subscribe: (listener) =>
        viewWatch.watch(principal, scope, (kinds) => {
          for (const event of listChangedEvents(kinds)) listener(event)
        }),
    }
    const handler = createMcpHandler(this.#factory, { legacy: 'reject', bus, onerror: this.#onError })
    const end = (): void => void handler.close()
    const id = randomUUID()
    const cancelExpiry = whenTokenEnds(clock, principal, end)
    sessions.add({
      id,
      face: 'streamable-http',
      principal,
      openStreams: 1,
      lastUsedAt: clock.monotonic(),
      close: end,
    })
    response.once('close', () => {
      cancelExpiry()
      sessions.remove(id)
      end()
    })
    await toNodeHandler(handler, { onerror: this.#onError })(request, response, request.body as unknown)
  }
}
