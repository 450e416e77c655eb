import { type ErrorFacts, GatewayError } from '../errors/errors.ts'
import type { QueueOwner } from './fair-queue.ts'

const RETRY_AFTER_MS = 1000

/** Work that begins when it is its turn. */
export interface GatedWork {
  /** On whose account it is done. */
  readonly owner: QueueOwner
  readonly begin: () => void
  /** Called if the work is refused because of overload. */
  readonly refuse: () => void
}

/**
 * Starts work, or queues it. The returned function must be called when it is over, or when its caller no longer waits;
 * it is idempotent.
 */
export type Admit = (work: GatedWork) => () => void

/** The error for work that was refused. @param message the reason, if it is not the load */
export function overloaded(message?: string, facts: ErrorFacts = {}): GatewayError {
  return new GatewayError('overloaded', message, { facts: { retryAfterMs: RETRY_AFTER_MS, ...facts } })
}

/** Begins all work at once. */
export const admitAtOnce: Admit = ({ begin }) => {
  begin()
  return () => undefined
}
