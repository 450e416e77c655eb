import { randomUUID } from 'node:crypto'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  type McpHttpHandler,
  type McpServerFactory,
  type ServerEvent,
  type ServerEventBus,
} from '@modelcontextprotocol/server'
import type { Request, Response } from 'express'
import type { PlainTargets } from '../../calls/plain/plain-targets.ts'
import type { ListTexts } from '../direct/list-texts.ts'
import { whenTokenEnds } from '../../identity/token-end.ts'
import type { ViewWatch } from '../../catalog/view-watch.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Admit } from '../../domain/concurrency/gated-work.ts'
import type { HeldBytes } from '../../domain/concurrency/held-bytes.ts'
import type { TokenGrant } from '../../domain/principal.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ListKind } from '../../upstream/connection/connection.ts'
import { abilitiesOf, isAvailable } from '../abilities.ts'
import { attachSender, callerOf, type Sender, senderIn } from '../conversation.ts'
import type { KeepAlives } from './event-stream.ts'
import { listChangedEvents } from '../methods/list-changed.ts'
import { subscribeAll, withSubscriptions } from '../methods/listen-subscriptions.ts'
import type { McpServerOptions } from '../mcp-server.ts'
import { createModernServer } from '../modern-server.ts'
import type { ReplicaRelay } from '../../replicas/replica-relay.ts'
import type { SessionNotes } from '../session/session-notes.ts'
import type { SessionSeal } from '../session/session-seal.ts'
import type { SessionStore } from '../session/session-store.ts'

const TRANSPORT = 'streamable-http'

/** What an MCP endpoint needs in addition to what its servers need. */
export interface EndpointOptions extends McpServerOptions {
  readonly sessions: SessionStore
  readonly sessionSeal: SessionSeal
  readonly sessionNotes: SessionNotes
  /** The number of this replica, which no other one has. */
  readonly replica: number
  /** Sends requests to other replicas; undefined without replicas. */
  readonly relay: ReplicaRelay | undefined
  /** The grant of an id in the principal of a request that arrived at another replica. */
  readonly grantOf: (id: string) => TokenGrant
  readonly publicUrl: string
  /** What plain calls are remembered to resolve to; undefined: all of them go by the SDK. */
  readonly targets: PlainTargets | undefined
  readonly lists: ListTexts
  readonly viewWatch: ViewWatch
  readonly keepAlives: KeepAlives
  /** Lets requests begin that do not come as requests of HTTP. */
  readonly admit: Admit
  /** Bounds large requests in progress. */
  readonly heldBytes: HeldBytes
  readonly clock: Clock
  readonly logger: Logger
}

/** `POST /mcp` of the stateless revision (MCP 2026-07-28): a new server for each request. */
export class ModernEndpoint {
  readonly #options: EndpointOptions
  readonly #handler: McpHttpHandler
  readonly #serve: ReturnType<typeof toNodeHandler>

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#handler = createMcpHandler(this.#factory, { legacy: 'reject', onerror: this.#onError })
    this.#serve = toNodeHandler(this.#handler, { onerror: this.#onError })
  }

  async handle(request: Request, response: Response, sender: Sender): Promise<void> {
    this.#options.sessions.checkAccepting()
    attachSender(request, sender)
    const body: unknown = request.body
    if (request.headers['mcp-method'] === 'subscriptions/listen') {
      await this.#listen(request, response, sender)
    } else {
      await this.#serve(request, response, body)
    }
  }

  close(): Promise<void> {
    return this.#handler.close()
  }

  /**
   * The SDK has verified that header and body match; without a fallback handler it answers unknown methods with 404.
   */
  readonly #factory: McpServerFactory = ({ authInfo, requestInfo }) => {
    const { identity, scope } = senderIn(authInfo)
    const view = this.#options.catalog.viewOf(identity.principal, scope)
    const conversation = { scope, era: 'modern', callerOf: callerOf(TRANSPORT, undefined), view } as const
    const product = createModernServer(this.#options, conversation)
    const abilities = abilitiesOf(view, 'modern', this.#options.declared)
    const method = this.#options.methods.get(requestInfo?.headers.get('mcp-method') ?? '')
    if (!isAvailable(method, 'modern', abilities)) delete product.server.fallbackRequestHandler
    return product
  }

  readonly #onError = (error: Error): void => {
    this.#options.logger.debug({ err: error }, 'modern MCP request refused')
  }

  /** A listen stream follows only its own caller's view, counts as a session, and ends when its token expires. */
  async #listen(request: Request, response: Response, { identity, scope }: Sender): Promise<void> {
    const { sessions, viewWatch, clock, calls } = this.#options
    const { principal, requestId, clientName, address, presented } = identity
    sessions.makeRoom(principal)
    const id = randomUUID()
    let emit: ((event: ServerEvent) => void) | undefined
    const bus: ServerEventBus = {
      publish: () => undefined,
      subscribe: (listener) => {
        emit = listener
        const onChange = (kinds: ReadonlySet<ListKind>): void => listChangedEvents(kinds).forEach(listener)
        return viewWatch.watch(principal, scope, onChange, { session: { id, transport: TRANSPORT } })
      },
    }
    const handler = createMcpHandler(this.#factory, { legacy: 'reject', bus, onerror: this.#onError })
    const end = (): void => void handler.close()
    const gone = new AbortController()
    const cancelExpiry = whenTokenEnds(clock, principal, end)
    sessions.add({
      id,
      transport: TRANSPORT,
      principal,
      address,
      openStreams: 1,
      lastUsedAt: clock.monotonic(),
      close: end,
      retire: end,
    })
    response.once('close', () => {
      gone.abort()
      cancelExpiry()
      sessions.remove(id)
      end()
    })
    const subscriptions = await subscribeAll(calls, {
      caller: {
        principal,
        requestId,
        clientName,
        address,
        presented,
        transport: TRANSPORT,
        sessionId: undefined,
      },
      scope,
      request: request.body,
      signal: gone.signal,
      onUpdated: (uri, params) => emit?.({ kind: 'resource_updated', uri, params }),
    })
    gone.signal.addEventListener('abort', subscriptions.release, { once: true })
    if (gone.signal.aborted) return subscriptions.release()
    const body = withSubscriptions(request.body, subscriptions.uris)
    await toNodeHandler(handler, { onerror: this.#onError })(request, response, body)
  }
}
