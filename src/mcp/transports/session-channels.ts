import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Server } from '@modelcontextprotocol/server'
import { SharedWork } from '../../domain/concurrency/shared-work.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { callerOf } from '../conversation.ts'
import { DirectConversation } from '../direct/direct-conversation.ts'
import { createMcpServer } from '../mcp-server.ts'
import { asMessage } from '../message.ts'
import { notifyListChanged, watchFor } from '../methods/list-changed.ts'
import { RequestIds } from '../request-ids.ts'
import { EventStore } from '../session/event-store.ts'
import type { LegacySession, SessionChange } from '../session/legacy-session.ts'
import { QuestionIds } from '../session/question-ids.ts'
import type { NotedSession } from '../session/session-notes.ts'
import type { SessionOpening } from '../session/session-seal.ts'
import type { Session } from '../session/session-store.ts'
import type { EndpointOptions } from './modern-endpoint.ts'
import { NotedChanges } from '../session/noted-changes.ts'
import { NotificationLimit } from './notification-limit.ts'
import { SessionTransport } from './session-transport.ts'

const TRANSPORT = 'streamable-http'
const SESSION_ID_BYTES = 18

/** How the direct path serves the requests of a session. */
export interface DirectStream {
  readonly conversation: DirectConversation
  /**
   * Takes the id of a request until its response is closed and `release` was called; until the former it counts as an
   * open stream of the session. Says whether the id was free.
   */
  claim(id: string | number, response: ServerResponse): boolean
  /** The work of the request has ended, perhaps long after its client was disconnected. */
  release(id: string | number): void
  /**
   * Continues the response to a request as a stream, which the client can resume.
   * @param head further headers of the response, as alternating names and values
   */
  open(id: string | number, version: string, response: ServerResponse, head: readonly string[]): void
}

/** One session of Streamable HTTP, as this replica has it. */
export interface Channel {
  readonly session: Session
  readonly scope: string | undefined
  readonly transport: SessionTransport
  readonly ids: RequestIds
  readonly notifications: NotificationLimit
  readonly direct: DirectConversation
  readonly stream: DirectStream
  readonly server: Server
  readonly legacy: LegacySession
  /** What the session is rebuilt from. */
  readonly opening: SessionOpening
  /** Wall time in milliseconds at which its id expires. */
  readonly until: number
}

interface Owner {
  readonly principal: Principal
  readonly scope: string | undefined
  readonly address: string | undefined
}

/**
 * The sessions of Streamable HTTP at this replica, by the id that their clients send. A session that is not here, and
 * whose id this gateway has sealed, is rebuilt from the id: another replica opened it, or this one before a restart, or
 * it gave way to another one.
 */
export class SessionChannels {
  readonly #options: EndpointOptions
  readonly #channels = new Map<string, Channel>()
  readonly #ofIds = new Map<string, Channel>()
  readonly #rebuilding = new SharedWork<Channel>()
  readonly #events: EventStore
  readonly #questions: QuestionIds

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#events = new EventStore({ clock: options.clock, replica: options.replica })
    this.#questions = new QuestionIds(options.replica)
  }

  /** The session that is here under that id. */
  known(publicId: string): Channel | undefined {
    return this.#channels.get(publicId)
  }

  /** The session that is here under the id that records have of it. */
  ofId(id: unknown): Channel | undefined {
    return typeof id === 'string' ? this.#ofIds.get(id) : undefined
  }

  /**
   * Opens a session for an `initialize` that was checked.
   * @throws GatewayError `too_many_sessions`, `shutting_down`
   */
  async open(owner: Owner, initialize: JsonObject): Promise<Channel> {
    const { sessions, sessionSeal, replica } = this.#options
    sessions.makeRoom(owner.principal)
    const id = randomBytes(SESSION_ID_BYTES).toString('base64url')
    const opening = { id, home: String(replica), initialize }
    const publicId = sessionSeal.seal(opening, owner)
    const until = sessionSeal.open(publicId, owner)?.until ?? 0
    return this.#build(publicId, { ...opening, until }, owner)
  }

  /**
   * The session with that id, rebuilt if it is not here; resets its idle time.
   * @throws GatewayError `session_not_found`, which is the same for a forged, an expired and another principal's id;
   * `too_many_sessions`, `shutting_down`
   */
  async of(publicId: string, owner: Owner): Promise<Channel> {
    const channel = this.#channels.get(publicId)
    if (channel === undefined) return this.#rebuilt(publicId, owner)
    if (channel.scope !== owner.scope) throw new GatewayError('session_not_found')
    this.#options.sessions.of(channel.session.id, owner.principal, TRANSPORT)
    return channel
  }

  async #rebuilt(publicId: string, owner: Owner): Promise<Channel> {
    const { sessions, sessionSeal } = this.#options
    sessions.checkAccepting()
    const opening = sessionSeal.open(publicId, owner)
    if (opening === undefined) throw new GatewayError('session_not_found')
    return this.#rebuilding.run(publicId, () => this.#rebuild(publicId, opening, owner))
  }

  async #rebuild(
    publicId: string,
    opening: SessionOpening & { until: number },
    owner: Owner,
  ): Promise<Channel> {
    const { sessions, sessionNotes } = this.#options
    const note = await sessionNotes.of(opening.id)
    if (note.isEnded === true) throw new GatewayError('session_not_found')
    sessions.makeRoom(owner.principal)
    const channel = await this.#build(publicId, opening, owner)
    await channel.transport.replay(opening.initialize)
    if (note.level !== undefined) channel.legacy.client.setLogLevel(note.level)
    return channel
  }

  async #forbid(id: string, until: number, options?: { isByClient?: boolean }): Promise<void> {
    const { sessionNotes, relay } = this.#options
    const tell = (): void => void relay?.tell({ kind: 'ended', id })
    await sessionNotes.end(id, until, { ...options, onLate: tell })
    tell()
  }

  async #build(
    publicId: string,
    { until, ...opening }: SessionOpening & { readonly until: number },
    { principal, scope, address }: Owner,
  ): Promise<Channel> {
    const { catalog, clock, relay, keepAlives } = this.#options
    const { id } = opening
    const ids = new RequestIds()
    const transport = new SessionTransport({
      sessionId: publicId,
      events: this.#events.open(principal),
      questions: this.#questions,
      ...(relay && { onUnsent: (message) => void relay.tell({ kind: 'unsent', id, message }) }),
      clock,
      keepAlives,
    })
    const direct = new DirectConversation({
      id,
      transport: TRANSPORT,
      scope,
      answers: {
        tell: (relatedRequestId, message) =>
          void transport.send(asMessage(message), { relatedRequestId }).catch(() => undefined),
        answer: (requestId, text) => transport.answer(requestId, text),
        drop: (requestId) => transport.endStream(requestId),
      },
    })
    let legacy: LegacySession | undefined
    const changes = new NotedChanges((change) => this.#note({ id, until, principal }, change))
    const server: Server = createMcpServer(this.#options, {
      scope,
      era: 'legacy',
      onSession: (session) => {
        legacy = session
        direct.attach(session)
      },
      onSessionChange: (change) => void changes.add(change),
      callerOf: callerOf(TRANSPORT, id),
      ids,
      endStream: (requestId) => transport.endStream(requestId),
      isReachable: () => transport.isListening,
      view: catalog.viewOf(principal, scope),
    })
    await server.connect(transport)
    const session: Session = {
      id,
      transport: TRANSPORT,
      principal,
      address,
      openStreams: 0,
      lastUsedAt: clock.monotonic(),
      close: () => void transport.close(),
      forbid: (by) => this.#forbid(id, until, by),
      retire: () => transport.endOwnStream(),
    }
    const notifications = new NotificationLimit({ clock })
    if (legacy === undefined) throw new Error('a legacy server without a session')
    const kept = { server, legacy, opening, until }
    const stream = this.#directStream({ direct, ids, session, transport })
    const channel: Channel = { session, scope, transport, ids, notifications, direct, stream, ...kept }
    this.#register(publicId, channel)
    return channel
  }

  #directStream(of: Pick<Channel, 'direct' | 'ids' | 'session' | 'transport'>): DirectStream {
    const { direct, ids, session, transport } = of
    return {
      conversation: direct,
      claim: (id, response) => {
        if (ids.has(id)) return false
        ids.claim(id)
        ids.hold(id)
        session.openStreams += 1
        response.once('close', () => {
          session.openStreams -= 1
          session.lastUsedAt = this.#options.clock.monotonic()
          ids.release(id)
        })
        return true
      },
      release: (id) => ids.release(id),
      open: (id, version, response, head) =>
        transport.openFor(id, version, response, { onGone: () => void direct.cancel(id), head }),
    }
  }

  /** Notes what the client changed, for the replicas that do not have the session yet, and tells the others. */
  async #note(session: NotedSession, change: SessionChange): Promise<void> {
    const { sessionNotes, relay } = this.#options
    const { level, subscriptions } = change
    await sessionNotes.change(session, (note) => ({
      ...note,
      ...(level !== undefined && { level }),
      ...(subscriptions !== undefined && { subscriptions }),
    }))
    if (level !== undefined) await relay?.tell({ kind: 'level', id: session.id, level })
  }

  #register(publicId: string, channel: Channel): void {
    const { sessions, viewWatch } = this.#options
    const { session, scope, direct, server } = channel
    const stopWatching = viewWatch.watch(
      session.principal,
      scope,
      (kinds) => notifyListChanged(server, kinds),
      watchFor(() => server, { id: session.id, transport: TRANSPORT }),
    )
    sessions.add(session)
    this.#channels.set(publicId, channel)
    this.#ofIds.set(session.id, channel)
    const onClose = server.onclose
    server.onclose = () => {
      onClose?.()
      direct.close()
      stopWatching()
      sessions.remove(session.id)
      this.#channels.delete(publicId)
      this.#ofIds.delete(session.id)
    }
  }
}
