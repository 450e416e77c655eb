import type { Administration } from '../../audit/administration.ts'
import type { StageFor } from '../../calls/stage.ts'
import type { Settings } from '../../config/settings.ts'
import type { Clock } from '../../domain/clock.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { OnApprovalEvent } from './approval-request.ts'
import { approvalStage } from './approval-stage.ts'
import { Approvals } from './approvals.ts'
import { Claims } from './claims.ts'
import { OpenRequests } from './open-requests.ts'
import { RequestKeys } from './request-keys.ts'
import { RequestStore } from './request-store.ts'

/** Calls that need a person's yes, while the gateway runs. */
export interface OpenApprovals {
  readonly approvals: Approvals
  readonly stage: StageFor
  /** The page where a request is answered. */
  readonly pageOf: (id: string) => string
}

/** What requests for approval are kept and recorded in. */
export interface ApprovalParts {
  readonly store: StateStore
  readonly keys: KeyRing
  readonly acts: Administration
}

/** Builds what asks for approval, and what it is answered by; nothing is waited for. */
export function openApprovals(
  settings: Pick<Settings, 'approvals' | 'approverRoles' | 'publicUrl'>,
  { store, keys, acts }: ApprovalParts,
  { metrics, clock }: { metrics: Pick<Metrics, 'approval'>; clock: Clock },
): OpenApprovals {
  const { requestTtlMs, grantTtlMs, ...bounds } = settings.approvals
  const requests = new RequestStore({ store, keys })
  const onEvent: OnApprovalEvent = (event, { rule, createdAt, answer }) => {
    const isAnswer = event === 'approved' || event === 'denied'
    metrics.approval(event, rule, isAnswer && answer !== undefined ? answer.at - createdAt : undefined)
  }
  const timed = { grantTtlMs, clock }
  const openRequests = new OpenRequests({ requests, ...bounds })
  const claims = new Claims({
    ...timed,
    requests,
    openRequests,
    keys: new RequestKeys(keys),
    requestTtlMs,
    onEvent,
  })
  const approvals = new Approvals({
    ...timed,
    requests,
    approverRoles: settings.approverRoles,
    onEvent,
    acts,
  })
  const pageOf = (id: string): string => `${settings.publicUrl}/dashboard/approvals/${id}`
  return { approvals, stage: approvalStage({ claims, approvals, pageOf, clock }), pageOf }
}
