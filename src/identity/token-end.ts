import { type Clock, LONGEST_DELAY_MS } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'

/** Calls `end` when the principal's token ends, or its grant is revoked; the returned function calls that off. */
export function whenTokenEnds(clock: Clock, principal: Principal, end: () => void): () => void {
  const cancelRevocation = principal.grant?.onRevoked(end)
  const remainingMs = Math.max(principal.expiresAtMs - clock.now(), 0)
  const cancelExpiry = clock.after(Math.min(remainingMs, LONGEST_DELAY_MS), end)
  return () => {
    cancelExpiry()
    cancelRevocation?.()
  }
}
