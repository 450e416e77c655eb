import type { ClientTransport } from '../domain/client-transport.ts'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import type { ListKind } from '../upstream/connection/connection.ts'
import type { Catalog } from './catalog.ts'
import { changedKinds, type View } from './view.ts'

/** Whose view is watched, as far as others may know it. */
export interface WatchedSession {
  readonly id: string
  readonly transport: ClientTransport
}

/** A session, and what decides about its view. */
export interface LiveSession extends WatchedSession {
  readonly principal: Principal
  readonly scope: string | undefined
  readonly isInteractive: boolean
}

interface Watcher {
  readonly principal: Principal
  readonly scope: string | undefined
  readonly onChange: (kinds: ReadonlySet<ListKind>) => void
  /** A legacy client declares its capabilities only after its session was opened. */
  readonly isInteractive: () => boolean
  readonly session: WatchedSession | undefined
  seen: View
}

/** Notifies each watcher when its own view has changed, and only then. Several changes in a row become one notice. */
export class ViewWatch {
  readonly #catalog: Catalog
  readonly #clock: Clock
  readonly #coalesceMs: number
  readonly #watchers = new Set<Watcher>()
  readonly #stop: () => void
  #cancelPending: (() => void) | undefined

  constructor(options: { catalog: Catalog; clock: Clock; coalesceMs?: number }) {
    this.#catalog = options.catalog
    this.#clock = options.clock
    this.#coalesceMs = options.coalesceMs ?? 25
    this.#stop = options.catalog.onChange(() => this.#schedule())
  }

  /** Watches one principal's view until the returned function is called. */
  watch(
    principal: Principal,
    scope: string | undefined,
    onChange: (kinds: ReadonlySet<ListKind>) => void,
    {
      isInteractive = () => false,
      session,
    }: { isInteractive?: () => boolean; session?: WatchedSession } = {},
  ): () => void {
    const seen = this.#catalog.viewOf(principal, scope, { isInteractive: isInteractive() })
    const watcher: Watcher = { principal, scope, onChange, isInteractive, session, seen }
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** The sessions whose views are watched. */
  sessions(): LiveSession[] {
    return [...this.#watchers].flatMap(({ session, principal, scope, isInteractive }) =>
      session === undefined ? [] : [{ ...session, principal, scope, isInteractive: isInteractive() }],
    )
  }

  close(): void {
    this.#stop()
    this.#cancelPending?.()
    this.#watchers.clear()
  }

  #schedule(): void {
    this.#cancelPending ??= this.#clock.after(this.#coalesceMs, () => {
      this.#cancelPending = undefined
      this.#compare()
    })
  }

  /** Sessions with equal rights share their views, so each pair of views is compared once. */
  #compare(): void {
    const compared = new Map<View, ReadonlySet<ListKind>>()
    for (const watcher of this.#watchers) {
      const { principal, scope, isInteractive } = watcher
      const view = this.#catalog.viewOf(principal, scope, { isInteractive: isInteractive() })
      if (view === watcher.seen) continue
      const kinds = compared.get(watcher.seen) ?? changedKinds(watcher.seen, view)
      compared.set(watcher.seen, kinds)
      watcher.seen = view
      if (kinds.size > 0) watcher.onChange(kinds)
    }
  }
}
