import { type Clock, LONGEST_DELAY_MS } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'

/** Calls `end` when the principal's token ends; the returned function calls that off. */
export function whenTokenEnds(clock: Clock, principal: Principal, end: () => void): () => void {
  return clock.after(Math.min(Math.max(principal.expiresAtMs - clock.now(), 0), LONGEST_DELAY_MS), end)
}
