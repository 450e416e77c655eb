import type { ClientTransport } from '../../domain/client-transport.ts'
import type { Clock } from '../../domain/clock.ts'
import { addTo } from '../../domain/concurrency/counts.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'

/** One conversation of a legacy client, or one stream or connection of a modern one. */
export interface Session {
  readonly id: string
  readonly transport: ClientTransport
  readonly principal: Principal
  /** Network address of the client that opened it, or that continued it at this replica first. */
  readonly address?: string | undefined
  /** Number of open response streams; a session that has one is not idle. */
  openStreams: number
  /** Monotonic milliseconds of the last request. */
  lastUsedAt: number
  readonly close: () => void
  /**
   * Has every replica refuse it from now on; never rejects. Absent where a closed session cannot continue.
   * @param options.isByClient its own client ended it, which need not be known for long
   */
  readonly forbid?: (options?: { readonly isByClient?: boolean }) => Promise<void>
  /** Ends what its client can open elsewhere, unless requests wait for answers there; absent: nothing. */
  readonly retire?: () => void
}

/** How many sessions there may be at the same time, and how long one may idle. */
export interface SessionLimits {
  readonly maxSessions: number
  /** Undefined if the tenant has no limit. */
  readonly maxSessionsOfTenant: (tenantId: string) => number | undefined
  readonly maxSessionsPerPrincipal: number
  readonly idleMs: number
}

const SWEEP_MS = 10_000
const RETRY_AFTER_MS = 30_000
/** Time within which another replica, or the restarted gateway, should be ready. */
const SHUTDOWN_RETRY_AFTER_MS = 1000

/** The open sessions, each bound to the principal that opened it. */
export class SessionStore {
  readonly #sessions = new Map<string, { session: Session; owner: string; unwatch: () => void }>()
  readonly #perOwner = new Map<string, number>()
  readonly #perTenant = new Map<string, number>()
  readonly #limits: SessionLimits
  readonly #clock: Clock
  readonly #onEnd: (session: Session) => void
  /** Whether new work is accepted: `stopAccepting` ends that. */
  isAccepting = true
  #cancelSweep: () => void

  constructor(options: { limits: SessionLimits; clock: Clock; onEnd?: (session: Session) => void }) {
    this.#limits = options.limits
    this.#clock = options.clock
    this.#onEnd = options.onEnd ?? (() => undefined)
    this.#cancelSweep = this.#sweepLater()
  }

  /**
   * Ensures that `principal` can open one more session. Many clients never end theirs, so at the limit the principal's
   * least recently used session without an open stream is ended.
   * @throws GatewayError `too_many_sessions`, `shutting_down`
   */
  makeRoom(principal: Principal): void {
    this.checkAccepting()
    const owner = principalKey(principal)
    const limit = this.#limitReached(owner, principal.tenantId)
    if (limit === undefined) return
    const abandoned = this.#longestUnused(owner)
    if (abandoned !== undefined) {
      this.#end(abandoned)
      return
    }
    throw new GatewayError('too_many_sessions', `The limit of open sessions is reached: ${limit}`, {
      facts: { retryAfterMs: RETRY_AFTER_MS },
    })
  }

  add(session: Session): void {
    const owner = principalKey(session.principal)
    // A session without an open stream, which would have noticed, ends here.
    const unwatch = session.principal.grant?.onRevoked(() => this.#end(session)) ?? (() => undefined)
    this.#sessions.set(session.id, { session, owner, unwatch })
    addTo(this.#perOwner, owner, 1)
    addTo(this.#perTenant, session.principal.tenantId, 1)
  }

  /**
   * The session with that id, if `principal` opened it over that transport; resets its idle time.
   * @throws GatewayError `shutting_down`, or `session_not_found`, which is the same for an unknown session and another
   * principal's
   */
  of(id: string, principal: Principal, transport: ClientTransport): Session {
    const found = this.#sessions.get(id)
    if (
      found === undefined ||
      found.session.transport !== transport ||
      found.owner !== principalKey(principal)
    ) {
      this.checkAccepting() // it may have ended with the gateway
      throw new GatewayError('session_not_found')
    }
    found.session.lastUsedAt = this.#clock.monotonic()
    return found.session
  }

  /** Forgets a session that has ended. Idempotent. */
  remove(id: string): void {
    const found = this.#sessions.get(id)
    if (found === undefined) return
    this.#sessions.delete(id)
    found.unwatch()
    addTo(this.#perOwner, found.owner, -1)
    addTo(this.#perTenant, found.session.principal.tenantId, -1)
    this.#onEnd(found.session)
  }

  /** The open sessions, in the order in which they were opened. */
  list(): Session[] {
    return [...this.#sessions.values()].map(({ session }) => session)
  }

  /** Ends one session, as its client would. Idempotent. */
  end(id: string): void {
    const found = this.#sessions.get(id)
    if (found === undefined) return
    void found.session.forbid?.()
    this.#end(found.session)
  }

  /** Number of open sessions by transport. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = { 'streamable-http': 0, sse: 0, websocket: 0 }
    for (const { session } of this.#sessions.values())
      counts[session.transport] = (counts[session.transport] ?? 0) + 1
    return counts
  }

  /**
   * Refuses new work while the gateway shuts down.
   * @throws GatewayError `shutting_down`
   */
  checkAccepting(): void {
    if (!this.isAccepting)
      throw new GatewayError('shutting_down', undefined, { facts: { retryAfterMs: SHUTDOWN_RETRY_AFTER_MS } })
  }

  /** Refuses new sessions from now on. */
  stopAccepting(): void {
    this.isAccepting = false
  }

  /** Refuses new sessions, and ends streams that nothing is under way on, so that clients go to another replica. */
  retire(): void {
    this.stopAccepting()
    for (const { session } of this.#sessions.values()) session.retire?.()
  }

  /** Ends every session. */
  close(): void {
    this.stopAccepting()
    this.#cancelSweep()
    for (const { session } of this.#sessions.values()) this.#end(session)
  }

  /** The limit that one more session would exceed, as text; undefined if it would exceed none. */
  #limitReached(owner: string, tenantId: string): string | undefined {
    const { maxSessions, maxSessionsOfTenant, maxSessionsPerPrincipal } = this.#limits
    const ofTenant = maxSessionsOfTenant(tenantId) ?? Infinity
    if ((this.#perOwner.get(owner) ?? 0) >= maxSessionsPerPrincipal)
      return `${maxSessionsPerPrincipal} of this principal`
    if ((this.#perTenant.get(tenantId) ?? 0) >= ofTenant) return `${ofTenant} of this tenant`
    return this.#sessions.size >= maxSessions ? `${maxSessions} in all` : undefined
  }

  #longestUnused(owner: string): Session | undefined {
    let found: Session | undefined
    for (const { session, owner: own } of this.#sessions.values()) {
      if (own !== owner || session.openStreams > 0) continue
      if (found === undefined || session.lastUsedAt < found.lastUsedAt) found = session
    }
    return found
  }

  #end(session: Session): void {
    this.remove(session.id)
    session.close()
  }

  #sweepLater(): () => void {
    return this.#clock.after(SWEEP_MS, () => {
      const now = this.#clock.monotonic()
      for (const { session } of this.#sessions.values()) {
        if (session.openStreams === 0 && now - session.lastUsedAt >= this.#limits.idleMs) this.#end(session)
      }
      if (this.isAccepting) this.#cancelSweep = this.#sweepLater()
    })
  }
}
