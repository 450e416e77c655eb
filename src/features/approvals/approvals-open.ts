import type { Administration } from '../../audit/administration.ts'
import type { StageFor } from '../../calls/stage.ts'
import type { ToolsChanged } from '../../catalog/pins/change-report.ts'
import type { Settings } from '../../config/settings.ts'
import type { Clock } from '../../domain/clock.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { OnApprovalEvent } from './approval-request.ts'
import { approvalStage } from './approval-stage.ts'
import { Approvals } from './approvals.ts'
import { Claims } from './claims.ts'
import { HeldToolsNotices } from './held-tools-notices.ts'
import { Notices } from './notices.ts'
import { OpenRequests } from './open-requests.ts'
import { RequestKeys } from './request-keys.ts'
import { RequestStore } from './request-store.ts'

/** Calls that need a person's yes, while the gateway runs. */
export interface OpenApprovals {
  readonly approvals: Approvals
  readonly stage: StageFor
  /** The page where a request is answered. */
  readonly pageOf: (id: string) => string
  /** Reports definitions of tools that changed, where there is a webhook. */
  readonly toolsChanged: (changed: ToolsChanged) => void
  /** Gives up reports that were not delivered. */
  readonly close: () => void
}

/** What requests for approval are kept and recorded in. */
export interface ApprovalParts {
  readonly store: StateStore
  readonly keys: KeyRing
  readonly acts: Administration
  readonly outbound: Outbound
}

/** Builds what asks for approval, and what it is answered by; nothing is waited for. */
export function openApprovals(
  settings: Pick<Settings, 'approvals' | 'approverRoles' | 'publicUrl'>,
  { store, keys, acts, outbound }: ApprovalParts,
  tools: {
    metrics: Pick<Metrics, 'approvals'>
    clock: Clock
    random: () => number
    logger: Logger
  },
): OpenApprovals {
  const { metrics, clock } = tools
  const { requestTtlMs, grantTtlMs, webhook, ...bounds } = settings.approvals
  const pageOf = (id: string): string => `${settings.publicUrl}/dashboard/approvals/${id}`
  const notices =
    webhook &&
    new Notices({
      ...tools,
      webhook,
      outbound,
      pageOf,
      onOutcome: (outcome) => metrics.approvals.notice(outcome),
    })
  const page = `${settings.publicUrl}/dashboard/approvals`
  const heldTools = notices && new HeldToolsNotices({ ...tools, notices, store, page })
  const requests = new RequestStore({ store, keys })
  const onEvent: OnApprovalEvent = (event, request) => {
    const { rule, createdAt, answer } = request
    notices?.report(event, request)
    const isAnswer = event === 'approved' || event === 'denied'
    metrics.approvals.event(event, rule, isAnswer && answer !== undefined ? answer.at - createdAt : undefined)
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
  return {
    approvals,
    stage: approvalStage({ claims, approvals, pageOf, clock }),
    pageOf,
    toolsChanged: (changed) => heldTools?.report(changed),
    close: () => notices?.close(),
  }
}
