import { principalKey } from '../../domain/principal.ts'
import type { RunOptions } from '../../upstream/pool/admission/call-queue.ts'
import { deadlineOf } from '../deadline.ts'
import type { RoutedCall } from '../stage.ts'
import type { TenantShares } from './tenant-shares.ts'

/** The limits and the affinity of a call. */
export function runOptions({ shares }: { readonly shares: TenantShares }, call: RoutedCall): RunOptions {
  const { principal, sessionId } = call.caller
  const { stickySessions, loadBalancing } = call.route.server
  const share = shares.of(principal.tenantId)
  return {
    signal: call.operation.signal,
    deadlineAt: deadlineOf(call),
    owner: { tenant: principal.tenantId, principal: principalKey(principal) },
    ...(share !== undefined && { share }),
    ...((stickySessions || loadBalancing === 'consistent_hash') && {
      stickyKey: sessionId ?? principalKey(principal),
    }),
  }
}
