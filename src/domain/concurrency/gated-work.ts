import { type ErrorFacts, GatewayError } from '../errors/errors.ts'
import type { QueueOwner } from './fair-queue.ts'

const RETRY_AFTER_MS = 1000

/** Work that begins when it is its turn. */
export interface GatedWork {
  /** On whose account it is done. */
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

/** The error for work that was refused. @param message why, where it is not for the load */
export function overloaded(message?: string, facts: ErrorFacts = {}): GatewayError {
  return new GatewayError('overloaded', message, { facts: { retryAfterMs: RETRY_AFTER_MS, ...facts } })
}

/** Begins all work at once. */
export const admitAtOnce: Admit = ({ begin }) => {
  begin()
  return () => undefined
}
