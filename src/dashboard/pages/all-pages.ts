import type { CallHistory } from '../../telemetry/metrics/call-history.ts'
import type { PageRoute } from '../visit/visit.ts'
import { accessPages } from './access/access-pages.ts'
import { activityPages } from './activity.ts'
import { approvalPages } from './approvals/approval-pages.ts'
import { cachePages } from './caches.ts'
import { connectionPages } from './connections.ts'
import { overviewPages } from './overview.ts'
import { pipelinePages } from './pipelines.ts'
import { serverEditPages } from './servers/server-edit.ts'
import { serverPages } from './servers/server-pages.ts'
import { sessionPages } from './sessions.ts'
import { tenantPages } from './tenant.ts'
import { toolPages } from './tools/tool-pages.ts'

/**
 * Every page of the dashboard: one table, the first row that fits answers. Without a history the dashboard is off, and
 * has only the pages that calls lead people to.
 */
export function allPages({
  history,
  hasMcpRegistry,
}: {
  history: CallHistory | undefined
  hasMcpRegistry: boolean
}): readonly PageRoute[] {
  if (history === undefined) return approvalPages()
  const options = { history }
  return [
    ...overviewPages(options),
    ...serverEditPages({ hasMcpRegistry }), // before the pages of a server, which could have such a name
    ...serverPages(options),
    ...toolPages(),
    ...pipelinePages(),
    ...approvalPages(),
    ...accessPages(),
    ...activityPages(),
    ...sessionPages(),
    ...connectionPages(),
    ...cachePages(),
    ...tenantPages(),
  ]
}
