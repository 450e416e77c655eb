import type { AuditLog } from '../audit/audit-log.ts'
import type { BoundedCache } from '../cache/bounded-cache.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { authorize } from './stages/authorize.ts'
import { breaker } from './stages/breaker.ts'
import type { Stage } from './call.ts'
import { callerErrors } from './stages/caller-errors.ts'
import { choosePool } from './stages/choose-pool.ts'
import { deadline } from './stages/deadline.ts'
import { dispatch } from './stages/dispatch.ts'
import { fallback } from './stages/fallback.ts'
import { inputRounds } from './stages/input-rounds.ts'
import type { Interruption } from './stages/interruption.ts'
import type { Limits } from './stages/limits.ts'
import { record } from './stages/record.ts'
import { resultCache } from './stages/result-cache.ts'
import { retry } from './stages/retry.ts'
import { RetryBudget } from './limits/retry-budget.ts'
import { shape } from './stages/shape.ts'
import { shownUris } from './stages/shown-uris.ts'
import type { StateSeal } from './state-seal.ts'
import { taskCalls } from './stages/task-calls.ts'
import type { Tasks } from './tasks/task-ids.ts'
import type { TenantShares } from './limits/tenant-shares.ts'
import { traceDecision } from './trace.ts'

/** What the stages of the pipeline use; `gateway.ts` builds each part. */
export interface PipelineParts {
  readonly audit: AuditLog
  readonly catalog: Catalog
  readonly upstreams: Upstreams
  readonly interruption: Interruption
  readonly limits: Limits
  readonly shares: TenantShares
  /** The operator's own stages, in order. */
  readonly ownStages: readonly Stage[]
  /** The stages of the gateway's own features, in order, and the cache of results. */
  readonly own: { readonly stages: readonly Stage[]; readonly caches: { readonly results: BoundedCache } }
  readonly seal: StateSeal
  readonly tasks: Tasks
  readonly callTimeoutMs: number
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: Metrics
}

/** The stages of a call, in order: each stage wraps all that follow. */
export function pipeline(parts: PipelineParts): Stage[] {
  const { catalog, upstreams, tasks, limits, metrics, own } = parts
  return [
    record(parts), // first: whatever happens behind it is recorded
    parts.interruption.stage, // inside the record, which says how the call ended
    traceDecision(authorize(catalog)), // before anything is spent on the call
    deadline(parts),
    limits.stage, // once for each call, however often it is sent
    ...parts.ownStages, // around everything that the caller is told of the call
    callerErrors,
    ...own.stages, // once, and under the names that callers know
    inputRounds(parts), // around what is sent, which may happen more than once
    taskCalls({ tasks, declared: upstreams, catalog }),
    fallback({ catalog, limits, metrics }), // when all attempts have failed
    shownUris(catalog), // of the server that answered, and not kept with a result: not every caller sees the same
    shape(catalog), // for each server that is tried, as it has the tool
    resultCache({ cache: own.caches.results, catalog }), // of what really answers, as it gets the call
    retry({ ...parts, budget: new RetryBudget() }),
    choosePool(parts), // for each attempt: pools come and go
    breaker, // of the pool
    dispatch(parts),
  ]
}
