import type { Clock } from '../../domain/clock.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Identity } from '../../identity/identity.ts'
import { DirectConversation } from '../direct/direct-conversation.ts'
import { RequestIds } from '../request-ids.ts'
import type { Session } from '../session/session-store.ts'
import { NotificationLimit } from './notification-limit.ts'
import type { SseTransport } from './sse-transport.ts'

/** How the direct path serves the messages of a session. */
export interface DirectMessages {
  readonly conversation: DirectConversation
  /** Takes the id of a request until `release`; says whether it was free. */
  claim(id: string | number): boolean
  release(id: string | number): void
}

/** One session of HTTP with SSE. There may be thousands that are idle, so it is one object and few functions. */
export class SseSession implements Session, DirectMessages {
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

  constructor(options: {
    identity: Pick<Identity, 'principal' | 'address'>
    scope: string | undefined
    stream: SseTransport
    clock: Clock
  }) {
    const { identity, scope, stream, clock } = options
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
    this.notifications = new NotificationLimit({ clock })
    this.lastUsedAt = clock.monotonic()
  }

  /** The path at which it was opened, for which its tokens are issued. */
  get path(): string {
    return this.scope === undefined ? '/sse' : `/sse/${this.scope}`
  }

  close(): void {
    void this.stream.close()
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
