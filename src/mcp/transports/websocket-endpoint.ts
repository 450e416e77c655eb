import { randomUUID } from 'node:crypto'
import type { McpServerFactory, Server } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { WebSocket } from 'ws'
import { ownerOf } from '../../domain/concurrency/fair-queue.ts'
import type { Identity } from '../../identity/identity.ts'
import { whenTokenEnds } from '../../identity/token-end.ts'
import { callerOn, type Sender } from '../conversation.ts'
import { notifyListChanged, watchFor } from '../methods/list-changed.ts'
import { conversationCall } from '../direct/conversation-call.ts'
import { DirectConversation } from '../direct/direct-conversation.ts'
import { createMcpServer } from '../mcp-server.ts'
import type { EndpointOptions } from './modern-endpoint.ts'
import { asMessage } from '../message.ts'
import { RequestIds } from '../request-ids.ts'
import { MAX_LISTENS, WebSocketListens } from './websocket-listens.ts'
import { CLOSE, type CloseReason, type PlainCallTaker, WebSocketTransport } from './websocket-transport.ts'

const TRANSPORT = 'websocket'

/**
 * `GET /ws` and `/ws/{server}`: MCP over WebSocket. The first message determines the era of a connection; everything on
 * it belongs to the principal that opened it, and it ends when that principal's token expires.
 */
export class WebSocketEndpoint {
  readonly #options: EndpointOptions

  constructor(options: EndpointOptions) {
    this.#options = options
  }

  /**
   * Opens a session on the socket that `accept` returns, which is called only if there is room for a session.
   * @throws GatewayError `too_many_sessions`, `shutting_down`, and what `accept` throws
   */
  open({ identity, scope }: Sender, accept: () => WebSocket): void {
    const { principal, address } = identity
    const { sessions, viewWatch, clock, logger } = this.#options
    sessions.makeRoom(principal)
    const socket = accept()
    const id = randomUUID()
    const owner = ownerOf(principal)
    const ids = new RequestIds()
    const callerOf = callerOn({
      transport: TRANSPORT,
      id,
      identity,
      arrivedAt: (requestId) => transport.arrivedAt(requestId),
    })
    const listens = new WebSocketListens({
      calls: this.#options.calls,
      callerOf,
      scope,
      send: (message) => void transport.send(message),
    })
    const conversation = new DirectConversation({
      id,
      transport: TRANSPORT,
      scope,
      answers: {
        tell: (_id, message) => void transport.send(asMessage(message)),
        answer: (requestId, text) => transport.answer(requestId, text),
        drop: () => undefined,
      },
    })
    const transport: WebSocketTransport = new WebSocketTransport({
      socket,
      clock,
      ids,
      listens,
      direct: this.#direct({ conversation, ids, identity }),
      admit: (work) => this.#options.admit({ ...work, owner }),
      hold: (bytes) => this.#options.heldBytes.take(principal.tenantId, bytes),
      logger: logger.child({ tenant: principal.tenantId, agent: principal.agent, session: id }),
    })
    let server: Server | undefined
    const factory: McpServerFactory = ({ era }) => {
      const view = this.#options.catalog.viewOf(principal, scope)
      server = createMcpServer(this.#options, {
        scope,
        era,
        callerOf,
        ids,
        view,
        onSession: (legacy) => conversation.attach(legacy),
      })
      return server
    }
    // `serveStdio` has the SDK's rules for any transport that carries both eras, not only for stdio.
    const connection = serveStdio(factory, {
      transport,
      maxSubscriptions: MAX_LISTENS,
      onerror: (err) => logger.debug({ err }, 'WebSocket message refused'),
    })
    const end = (reason: CloseReason): void => {
      transport.closeFor(reason)
      void connection.close()
    }
    const stopWatching = viewWatch.watch(
      principal,
      scope,
      (kinds) => {
        if (server !== undefined) notifyListChanged(server, kinds)
      },
      watchFor(() => server, { id, transport: TRANSPORT }),
    )
    const cancelExpiry = whenTokenEnds(clock, principal, () => end(CLOSE.tokenEnded))
    socket.once('close', () => {
      conversation.close()
      stopWatching()
      cancelExpiry()
      sessions.remove(id)
    })
    sessions.add({
      id,
      transport: TRANSPORT,
      principal,
      address,
      openStreams: 1,
      lastUsedAt: clock.monotonic(),
      close: () => end(CLOSE.shuttingDown),
      retire: () => {
        if (ids.isEmpty) end(CLOSE.shuttingDown)
      },
    })
  }

  /** What serves plain calls of a conversation; undefined if the SDK serves all. */
  #direct({ conversation, ids, identity: { principal, presented } }: Conversing): PlainCallTaker | undefined {
    const { targets } = this.#options
    if (targets === undefined) return undefined
    const options = { ...this.#options, targets }
    const sender = { principal, presented }
    return {
      take: (body) => {
        const call = conversationCall(options, { conversation, sender, body })
        if (call === undefined) return false
        const abort = new AbortController()
        conversation.begin(call.id, () => abort.abort())
        ids.hold(call.id)
        const made = call.run({ requestId: randomUUID(), signal: abort.signal })
        void made.then(() => ids.release(call.id))
        return true
      },
      cancel: (requestId) => conversation.cancel(requestId),
    }
  }
}

interface Conversing {
  readonly conversation: DirectConversation
  readonly ids: RequestIds
  readonly identity: Pick<Identity, 'presented' | 'principal'>
}
