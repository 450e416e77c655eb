import type { Snapshot } from '../domain/snapshot.ts'

/** Where the registry comes from. */
export interface RegistrySource {
  /**
   * Starts watching; resolves after the first snapshot, or without one while there is none to be had. Each later snapshot is whole, differs from the one
   * before and has a higher generation. Rejects when nothing can be read at first.
   */
  start(onSnapshot: (snapshot: Snapshot) => void): Promise<void>
  /** Ends watching; no snapshot comes after it resolved. Idempotent. */
  close(): Promise<void>
}
