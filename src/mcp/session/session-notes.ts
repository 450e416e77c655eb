import type { Clock } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { changeEntry } from '../../state/change-entry.ts'
import type { StateStore } from '../../state/state-store.ts'
import { LimitedLog } from '../../telemetry/limited-log.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { NotedSessions } from './noted-sessions.ts'

/** What replicas share about a session in addition to its id. */
export interface SessionNote {
  readonly isEnded?: boolean
  /** The log level that the client set. */
  readonly level?: string
  /** URIs of the resources that the client subscribed to. */
  readonly subscriptions?: readonly string[]
  /** The replica that has the client's stream for messages that belong to no request. */
  readonly stream?: string
  /** The replica with the connections of the session to servers that keep state for it. */
  readonly home?: string
}

/** Whose session it is, and until when its id is good. */
export interface NotedSession {
  readonly id: string
  readonly until: number
  readonly principal: Principal
}

/** The part of the state store that notes need. */
export type NoteStore = Pick<StateStore, 'get' | 'put' | 'delete'>

const COLLECTION = 'session-notes'
const MAX_ENDED = 10_000
/** Requests of a client that has ended its session come no later; it may well come back to it, but nobody else can. */
const ENDED_BY_CLIENT_MS = 900_000
/** Of open and abandoned sessions of one principal, or twice as many as it may have open. */
const MAX_NOTED = 200
const RETRY_MS = 10_000

/** How a session ends. */
interface EndOptions {
  readonly isByClient?: boolean
  /** Called when the store has taken the end after it did not answer at first. */
  readonly onLate?: () => void
}

/** The end of a session that the store has not taken yet. */
interface LateEnd {
  readonly put: () => Promise<unknown>
  /** When the store would forget it. */
  readonly expiresAt: number
  readonly onLate: EndOptions['onLate']
}

/**
 * Notes on sessions that all replicas share. Most sessions have none until they end. A store that does not answer causes only
 * a short delay and ends no session: the note is then unknown.
 */
export class SessionNotes {
  readonly #store: NoteStore
  readonly #clock: Clock
  /** Clients determine how often notes are read and changed. */
  readonly #log: LimitedLog
  /** Ids of the sessions that ended here, also where the store does not know it yet. */
  readonly #ended = new Set<string>()
  readonly #noted: NotedSessions

  /** @param options.maxSessionsPerPrincipal how many sessions one may have open */
  constructor(options: { store: NoteStore; clock: Clock; logger: Logger; maxSessionsPerPrincipal: number }) {
    const maxOfPrincipal = Math.max(MAX_NOTED, 2 * options.maxSessionsPerPrincipal)
    this.#noted = new NotedSessions({ ...options, maxOfPrincipal })
    this.#store = options.store
    this.#clock = options.clock
    this.#log = new LimitedLog(options)
  }

  /** The note on a session; empty if there is none, or the store does not answer. */
  async of(id: string): Promise<SessionNote> {
    if (this.#ended.has(id)) return { isEnded: true }
    try {
      return noteIn((await this.#store.get(COLLECTION, id))?.value)
    } catch (err) {
      this.#warn(err, id, 'the notes on a session cannot be read')
      return {}
    }
  }

  /**
   * Ends a session for all replicas: for as long as its id would be good, or, where its own client ends it, for as long as
   * requests of that may be under way.
   */
  async end(id: string, until: number, { isByClient = false, onLate }: EndOptions = {}): Promise<void> {
    this.#ended.add(id)
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) break
      this.#ended.delete(oldest)
    }
    const expiresAt = isByClient ? Math.min(until, this.#clock.now() + ENDED_BY_CLIENT_MS) : until
    const put = (): Promise<unknown> =>
      this.#store.put(COLLECTION, id, JSON.stringify({ isEnded: true }), { expiresAt })
    if ((await this.#try(id, put)) === undefined) this.#endLater(id, { put, expiresAt, onLate })
  }

  /**
   * Tries until the store answers, or would not keep it any more: other replicas serve the session as long as they do not
   * know that it ended.
   */
  #endLater(id: string, late: LateEnd): void {
    this.#clock.after(RETRY_MS, () => {
      if (!this.#ended.has(id) || this.#clock.now() >= late.expiresAt) return
      void this.#try(id, late.put).then((kept) =>
        kept === undefined ? this.#endLater(id, late) : late.onLate?.(),
      )
    })
  }

  /**
   * Changes the note on a session that has not ended, and returns the result. The first note on a session may take the
   * place of that on the earliest of its principal.
   */
  async change(
    { id, until, principal }: NotedSession,
    changed: (note: SessionNote) => SessionNote,
  ): Promise<SessionNote | undefined> {
    let isFirst = false
    const changedNote = await this.#try(id, () =>
      changeEntry(this.#store, { collection: COLLECTION, key: id }, (found) => {
        const note = noteIn(found?.value)
        const result = note.isEnded === true ? note : changed(note)
        isFirst = found === undefined && result !== note
        if (result === note) return { result }
        const expiresAt = Math.max(until, this.#clock.now())
        return { result, write: { value: JSON.stringify(result), expiresAt } }
      }),
    )
    if (isFirst && changedNote !== undefined) await this.#try(id, () => this.#count({ id, until, principal }))
    return changedNote
  }

  async #count({ id, until, principal }: NotedSession): Promise<void> {
    for (const earliest of await this.#noted.add(id, until, principal)) {
      const entry = await this.#store.get(COLLECTION, earliest)
      // That a session was ended stays noted for as long as it has to.
      if (entry === undefined || noteIn(entry.value).isEnded === true) continue
      await this.#store.delete(COLLECTION, earliest, { expected: entry.version })
    }
  }

  async #try<T>(id: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (err) {
      this.#warn(err, id, 'the notes on a session cannot be changed')
      return undefined
    }
  }

  #warn(error: unknown, sessionId: string, text: string): void {
    this.#log.warn(() => ({ reason: messageOf(error), sessionId }), text)
  }
}

function noteIn(text: string | undefined): SessionNote {
  const value = jsonIn(text ?? '')
  return isJsonObject(value) ? value : {}
}
