import type { AuditLog } from '../audit/audit-log.ts'
import type { IntentLog } from '../audit/intents/intent-log.ts'
import type { BoundedCache } from '../cache/bounded-cache.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../domain/clock.ts'
import type { RefusalTiming } from '../domain/errors/refusal-timing.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { CallHistory } from '../telemetry/metrics/call-history.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { authorize } from './authorize.ts'
import type { Call } from './call.ts'
import type { Answer, PlannedTarget, Stage, StageFor } from './stage.ts'
import type { Interruption } from './interruption.ts'
import type { Limits } from './limits/limits.ts'
import { RetryBudget } from './limits/retry-budget.ts'
import type { TenantShares } from './limits/tenant-shares.ts'
import { Plans, runFrom } from './plan.ts'
import { record } from './record.ts'
import { PlainCalls } from './plain/plain-calls.ts'
import { PlainTargets } from './plain/plain-targets.ts'
import { PoolChoice } from './client/pool-choice.ts'
import type { OpenCredentials } from '../credentials/credentials-open.ts'
import { accounts } from './stages/accounts.ts'
import { delegated } from './stages/delegated.ts'
import { callerErrors } from './stages/caller-errors.ts'
import { fallback } from './stages/fallback.ts'
import { type Intents, intent } from './stages/intent.ts'
import { inputRounds } from './stages/input-rounds.ts'
import { redact } from './stages/redact.ts'
import { resultCache } from './stages/result-cache.ts'
import { storedResult } from './stages/stored-result.ts'
import { preview } from './stages/preview.ts'
import { retry } from './stages/retry.ts'
import { send } from './stages/send.ts'
import { shape } from './stages/shape.ts'
import { shownUris } from './stages/shown-uris.ts'
import { taskCalls } from './stages/task-calls.ts'
import { untrusted } from './stages/untrusted.ts'
import { urlElicitations } from './stages/url-elicitations.ts'
import type { StoredResults } from './results/stored-results.ts'
import type { StateSeal } from './client/state-seal.ts'
import type { Tasks } from './tasks/task-ids.ts'
import { traceDecision } from './trace.ts'

/** What the stages use; `assembly/open-calls.ts` builds each part. */
export interface CallChainParts {
  readonly audit: AuditLog
  readonly intents: IntentLog | undefined
  /** Which calls get an intent record before they run. */
  readonly auditIntents: Intents
  readonly catalog: Catalog
  readonly upstreams: Upstreams
  /** The accounts of callers at servers. */
  readonly credentials: Pick<OpenCredentials, 'credentials' | 'connecting' | 'connections' | 'delegation'>
  readonly interruption: Interruption
  readonly limits: Limits
  readonly shares: TenantShares
  /** The operator's own stages, in order. */
  readonly ownStages: readonly Stage[]
  /** The stages of the gateway's own features, in order, the one that asks for approval, and the cache of results. */
  readonly own: {
    readonly stages: readonly StageFor[]
    readonly approval: StageFor
    readonly caches: { readonly results: BoundedCache }
  }
  readonly seal: StateSeal
  /** The longest sealed state that a client can send back. */
  readonly maxStateBytes: number
  /** Stored results of which callers got a preview. */
  readonly storedResults: StoredResults
  readonly tasks: Tasks
  readonly callTimeoutMs: number
  readonly refusalTiming: RefusalTiming
  readonly clock: Clock
  /** Returns numbers from 0 to below 1. */
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: Metrics
  /** The calls of the last hour, for the dashboard; undefined without it. */
  readonly history?: CallHistory | undefined
}

/** The chain of stages that every call passes through. */
export interface CallChain {
  readonly run: (call: Call) => Promise<Answer>
  /** The cached targets of plain calls. */
  readonly targets: PlainTargets
}

/**
 * Builds the chain of every call: it is recorded in every case, ended when the gateway stops, authorized, and then passed
 * through the stages that do something for its target.
 */
export function callChain(parts: CallChainParts): CallChain {
  const { catalog, interruption } = parts
  const budget = new RetryBudget()
  const plans = new Plans({ ...stages(parts, budget), catalog })
  const targets = new PlainTargets({ ...parts, plans })
  const plain = new PlainCalls({ ...parts, budget, targets, pools: new PoolChoice(parts) })
  const authorized = traceDecision(authorize({ ...parts, plans }))
  const general = async (call: Call): Promise<Answer> => runFrom(await authorized(call), 0)
  return { targets, run: record(parts, interruption.around(plain.before(general))) }
}

const isInside = ({ server }: PlannedTarget): boolean => server.transport === 'builtin'

/** Both stages as one, if there is an inner one. */
function around(outer: Stage | undefined, inner: Stage | undefined): Stage | undefined {
  if (outer === undefined || inner === undefined) return inner
  return (call, next) => outer(call, (passed) => inner(passed, next))
}

const explained: StageFor = () => callerErrors

/** The stages in order, each around all that follow, and those of them that plain calls skip. */
function stages(
  parts: CallChainParts,
  budget: RetryBudget,
): { stages: StageFor[]; skippable: ReadonlySet<StageFor> } {
  const { catalog, upstreams, tasks, limits, metrics, own } = parts
  const counted: StageFor = () => limits.stage
  const rounds = inputRounds(parts)
  const approved: StageFor = (target) => (isInside(target) ? undefined : own.approval(target))
  const approvedInside: StageFor = (target) =>
    isInside(target) ? around(rounds(target), own.approval(target)) : undefined
  const ofTasks = taskCalls({ tasks, declared: upstreams, catalog })
  const shown = shownUris(catalog)
  const again = retry({ ...parts, budget })
  const last = send(parts)
  return {
    stages: [
      counted, // once per call, regardless of retries
      ...parts.ownStages.map((stage) => () => stage), // around everything that determines the answer
      intent(parts), // around everything that may be sent, and once
      explained,
      storedResult(parts), // needs no server
      approvedInside, // before the gateway's own features, which skip the stages below
      ...own.stages, // once, and under the names that callers know
      rounds, // around everything that may be sent more than once
      ofTasks,
      fallback({ catalog, limits, metrics }), // when all attempts have failed
      delegated(parts.credentials), // to the server that is tried, before anything is sent to it
      accounts(parts), // of the server that is tried, before anything is sent to it
      urlElicitations, // of the server that asks
      untrusted, // what remains of the result
      preview(parts), // for the caller of this call alone
      shown, // of the server that answered, and outside the cache: callers see different URIs
      redact(parts), // before other stages use the result, and outside the cache
      shape, // for each server that is tried, as it has the tool
      approved, // of the request as sent, and for each server that is tried
      resultCache({ cache: own.caches.results }), // of the request as the server gets it
      again,
      last, // for each attempt: pools come and go
    ],
    skippable: new Set([counted, explained, rounds, ofTasks, urlElicitations, shown, again, last]),
  }
}
