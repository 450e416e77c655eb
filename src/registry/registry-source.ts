import type { Snapshot } from '../domain/snapshot.ts'

/** How fresh the registry is that the gateway works with. */
export interface RegistryFreshness {
  /** `stale`: the present content of the source cannot be applied, and the last good registry stays in force. */
  readonly state: 'connecting' | 'live' | 'stale'
  /** Milliseconds since the source could last be read and taken over. */
  readonly ageMs: number
  /** Removals that are held back. */
  readonly held: number
}

/** A document that was written; `etag` is undefined where it was removed. */
export interface WrittenDocument {
  readonly section: 'servers' | 'pipelines'
  readonly tenantId: string
  readonly name: string
  readonly etag: string | undefined
}

/** Where the registry comes from. */
export interface RegistrySource {
  /**
   * Starts watching; resolves after the first snapshot, or without one while there is none. Each later snapshot is
   * whole, differs from the one before and has a higher generation. Rejects when nothing can be read at first.
   */
  start(onSnapshot: (snapshot: Snapshot) => void): Promise<void>
  /** Resolves once a write is in force, or after two seconds at most. Never rejects. */
  caughtUp(written: WrittenDocument): Promise<void>
  /** Ends watching; no snapshot comes after it resolved. Idempotent. */
  close(): Promise<void>
}
