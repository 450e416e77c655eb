import type { Snapshot } from '../../domain/snapshot.ts'
import { serversOf } from '../../domain/snapshot.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ReplicaRelay } from '../../replicas/replica-relay.ts'
import type { NotedSession, SessionNote, SessionNotes } from './session-notes.ts'
import type { SessionOpening } from './session-seal.ts'

/** A session, and when it expires. */
export interface PlacedSession {
  readonly opening: SessionOpening
  readonly until: number
  readonly session: { readonly principal: Principal }
}

/**
 * Which replica has the parts of a session that exist only once: its stream for messages that belong to no request, and its
 * connections to servers that keep state for it (`sharing: session`). Any replica can do everything else.
 */
export class SessionPlaces {
  readonly #relay: ReplicaRelay | undefined
  readonly #notes: SessionNotes
  readonly #keepsState = new WeakMap<Snapshot, Map<string, boolean>>()

  /** @param options.relay absent where there are no other replicas */
  constructor(options: { relay: ReplicaRelay | undefined; notes: SessionNotes }) {
    this.#relay = options.relay
    this.#notes = options.notes
  }

  /** Whether calls of a session may have to be made at another replica. */
  mayBeElsewhere({ opening }: PlacedSession, snapshot: Snapshot, tenantId: string): boolean {
    if (this.#relay === undefined || opening.home === this.#relay.self) return false
    const known = this.#keepsState.get(snapshot) ?? new Map<string, boolean>()
    this.#keepsState.set(snapshot, known)
    const before = known.get(tenantId)
    if (before !== undefined) return before
    const found = serversOf(snapshot, tenantId).some(({ sharing }) => sharing === 'session')
    known.set(tenantId, found)
    return found
  }

  /**
   * The other replica with the connections of a session to servers that keep state for it; undefined for this one. It
   * is the one that opened the session; after its end, the first that is asked for such a server.
   */
  async ofState({ opening, until, session }: PlacedSession): Promise<string | undefined> {
    if (await this.#isHereOrGone(opening.home)) {
      if (opening.home === this.#relay?.self || this.#relay === undefined) return undefined
      return this.#afterHome({ id: opening.id, until, principal: session.principal }, this.#relay)
    }
    return opening.home
  }

  /** The other replica with the stream of a session; undefined if this one has it, or none. */
  async ofStream({ opening }: PlacedSession): Promise<string | undefined> {
    if (this.#relay === undefined) return undefined
    const { stream } = await this.#notes.of(opening.id)
    return stream === undefined || (await this.#isHereOrGone(stream)) ? undefined : stream
  }

  async #afterHome(session: NotedSession, relay: ReplicaRelay): Promise<string | undefined> {
    const known = (await this.#notes.of(session.id)).home
    if (known !== undefined && !(await this.#isHereOrGone(known))) return known
    if (known === relay.self) return undefined
    const takeOver = (note: SessionNote): SessionNote =>
      note.home === known ? { ...note, home: relay.self } : note
    const taken = await this.#notes.change(session, takeOver)
    return taken?.home === relay.self ? undefined : taken?.home
  }

  async #isHereOrGone(replica: string): Promise<boolean> {
    if (this.#relay === undefined || replica === this.#relay.self) return true
    return !(await this.#relay.isPresent(replica))
  }
}
