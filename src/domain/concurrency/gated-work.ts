import type { QueueOwner } from './fair-queue.ts'

/** Work that begins when it is its turn. */
export interface GatedWork {
  /** On whose account it waits; asked only where there is more to do than can be done at once. */
  readonly owner: QueueOwner
  readonly begin: () => void
  /** There is too much to do: it will not begin. */
  readonly refuse: () => void
}

/**
 * Begins work, or lets it wait for its turn. The returned function says that it is over, or that nobody waits for it any
 * more; it is idempotent.
 */
export type Admit = (work: GatedWork) => () => void

/** Begins all work at once. */
export const admitAtOnce: Admit = ({ begin }) => {
  begin()
  return () => undefined
}
