import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Calls `end` when the principal's token ends; the returned function calls that off. */
export function whenTokenEnds(clock: Clock, principal: Principal, end: () => void): () => void {
  return clock.after(Math.min(Math.max(principal.expiresAtMs - clock.now(), 0), LONGEST_TIMER_MS), end)
}
