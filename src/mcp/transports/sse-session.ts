import type { JSONRPCMessage, Server } from '@modelcontextprotocol/server'
import type { Calls } from '../../calls/calls.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Identity } from '../../identity/identity.ts'
import { DirectConversation } from '../direct/direct-conversation.ts'
import { RequestIds } from '../request-ids.ts'
import { LegacySession } from '../session/legacy-session.ts'
import type { ServerHost } from '../session/present-server.ts'
import { SessionServer } from '../session/session-server.ts'
import type { Session } from '../session/session-store.ts'
import type { KeptOpen } from './event-stream.ts'
import { NotificationLimit } from './notification-limit.ts'
import type { SseTransport } from './sse-transport.ts'

/** How the direct path serves the messages of a session. */
export interface DirectMessages {
  readonly conversation: DirectConversation
  /** Takes the id of a request until `release`; says whether it was free. */
  claim(id: string | number): boolean
  release(id: string | number): void
}

/** What all sessions have in common. */
export interface SseSessionOptions {
  readonly calls: Calls
  readonly clock: Clock
  /** Makes the SDK's server of a session. */
  readonly makeServer: (session: SseSession) => Server
  /** Called once, when the stream has ended. */
  readonly onEnd: (session: SseSession) => void
}

/** One session of HTTP with SSE. There may be thousands that are idle, so it is few objects and functions. */
export class SseSession implements Session, DirectMessages, ServerHost, KeptOpen {
  readonly transport = 'sse'
  readonly id: string
  readonly principal: Principal
  readonly address: string | undefined
  /** The one server that it is for; undefined for all. */
  readonly scope: string | undefined
  readonly openStreams = 1
  lastUsedAt: number
  readonly stream: SseTransport
  readonly ids = new RequestIds()
  readonly conversation: DirectConversation
  readonly notifications: NotificationLimit
  readonly server: SessionServer
  /** What it keeps between its requests. */
  readonly legacy: LegacySession
  /** What ends with it. */
  leave: readonly (() => void)[] = []
  readonly #options: SseSessionOptions

  constructor(
    options: SseSessionOptions,
    given: {
      readonly identity: Pick<Identity, 'principal' | 'address'>
      readonly scope: string | undefined
      readonly stream: SseTransport
    },
  ) {
    const { identity, scope, stream } = given
    this.#options = options
    this.id = stream.sessionId
    this.principal = identity.principal
    this.address = identity.address
    this.scope = scope
    this.stream = stream
    this.conversation = new DirectConversation({
      id: this.id,
      transport: this.transport,
      scope,
      answers: stream,
    })
    this.server = new SessionServer(this)
    this.legacy = new LegacySession({ server: this.server, calls: options.calls, scope })
    this.conversation.attach(this.legacy)
    this.notifications = new NotificationLimit(options)
    this.lastUsedAt = options.clock.monotonic()
  }

  /** Begins the stream. */
  begin(): void {
    this.stream.start(this)
  }

  /** The path at which it was opened, for which its tokens are issued. */
  get path(): string {
    return this.scope === undefined ? '/sse' : `/sse/${this.scope}`
  }

  makeServer(): Server {
    return this.#options.makeServer(this)
  }

  send(message: JSONRPCMessage): Promise<void> {
    return this.stream.send(message)
  }

  keepAlive(): void {
    this.stream.keepAlive()
    this.server.rest()
  }

  close(): void {
    this.stream.close()
  }

  /** The stream has ended. */
  ended(): void {
    this.server.end()
    this.legacy.end()
    this.conversation.close()
    for (const leave of this.leave) leave()
    this.#options.onEnd(this)
  }

  retire(): void {
    if (this.ids.isEmpty) this.close()
  }

  claim(id: string | number): boolean {
    if (this.ids.has(id)) return false
    this.ids.claim(id)
    return true
  }

  release(id: string | number): void {
    this.ids.release(id)
  }
}
