import { ownerOf } from '../../domain/concurrency/fair-queue.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { RunOptions } from '../../upstream/pool/admission/call-queue.ts'
import { deadlineOf } from '../deadline.ts'
import { METHODS } from '../methods.ts'
import type { RoutedCall } from '../stage.ts'
import type { TenantShares } from './tenant-shares.ts'

/** On whose account calls wait, the same for each call of a principal. */
export type Account = Pick<RunOptions, 'owner' | 'share'>

/** The account of a principal. A change of the quotas makes it another one. */
export function accountOf(shares: TenantShares, principal: Principal): Account {
  const share = shares.of(principal.tenantId)
  return {
    owner: ownerOf(principal),
    ...(share !== undefined && { share }),
  }
}

/** Whether calls of one caller prefer the same instance of the server. */
export function isSticky({ stickySessions, loadBalancing }: ServerDefinition): boolean {
  return stickySessions || loadBalancing === 'consistent_hash'
}

/** The limits and the affinity of a call. */
export function runOptions({ shares }: { readonly shares: TenantShares }, call: RoutedCall): RunOptions {
  const { principal, sessionId } = call.caller
  return {
    signal: call.operation.signal,
    deadlineAt: deadlineOf(call),
    ...accountOf(shares, principal),
    ...(call.operation.method === METHODS.tasksResult && { isLongWait: true }),
    ...(isSticky(call.route.server) && { stickyKey: sessionId ?? principalKey(principal) }),
  }
}
