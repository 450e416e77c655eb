import type { OpenAudit } from '../audit/audit-open.ts'
import { Calls } from '../calls/calls.ts'
import { Allowances } from '../calls/limits/allowances.ts'
import { SharedAllowances } from '../calls/limits/shared-allowances.ts'
import { TenantShares } from '../calls/limits/tenant-shares.ts'
import type { PlainTargets } from '../calls/plain/plain-targets.ts'
import { callChain } from '../calls/call-chain.ts'
import { Interruption } from '../calls/interruption.ts'
import { Limits } from '../calls/limits/limits.ts'
import { StateSeal } from '../calls/client/state-seal.ts'
import { StoredResults } from '../calls/results/stored-results.ts'
import { TaskHandles } from '../calls/tasks/task-handles.ts'
import { TaskMemory } from '../calls/tasks/task-memory.ts'
import type { Settings } from '../config/settings.ts'
import { RefusalTiming } from '../domain/errors/refusal-timing.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { OpenFeatures } from '../features/features-open.ts'
import type { StateStore } from '../state/state-store.ts'
import type { TenantDirectory } from '../registry/tenants.ts'
import type { CallHistory } from '../telemetry/metrics/call-history.ts'
import type { OpenServers } from './open-servers.ts'
import type { Runtime } from './runtime.ts'

/** What runs calls while the gateway runs. */
export interface OpenCalls {
  readonly calls: Calls
  readonly targets: PlainTargets
  /** Ends the calls that are in flight. */
  readonly interruption: Interruption
  readonly taskHandles: TaskHandles
  readonly limits: Limits
  /** When refusals go out that must not tell anything. */
  readonly refusalTiming: RefusalTiming
}

interface Parts {
  /** Seals the state that clients carry. */
  readonly keys: KeyRing
  /** What outlives the process, and is the same for every replica. */
  readonly store: StateStore
  /** Whether other replicas may use that store. */
  readonly isReplicated: boolean
  readonly audit: Pick<OpenAudit, 'log' | 'intents'>
  readonly servers: OpenServers
  readonly features: OpenFeatures
  readonly tenants: TenantDirectory
  readonly history: CallHistory | undefined
}

/** Builds what every call passes through. */
export function openCalls(
  {
    callTimeoutMs,
    auditIntents,
    maxBodyBytes,
  }: Pick<Settings, 'callTimeoutMs' | 'auditIntents' | 'maxBodyBytes'>,
  { keys, store, isReplicated, audit, servers, features, tenants, history }: Parts,
  { clock, random, logger, metrics, ownStages, lifecycle, transit }: Runtime,
): OpenCalls {
  const interruption = new Interruption()
  const tasks = { handles: new TaskHandles({ keys }), memory: new TaskMemory() }
  const quotasOf = tenants.quotasOf.bind(tenants)
  const allowances = new Allowances({ clock })
  const shared = new SharedAllowances({ allowances, store, clock, random, logger })
  if (isReplicated) allowances.onShared = (allowance) => shared.taken(allowance)
  const limits = new Limits({ allowances, quotasOf })
  const shares = new TenantShares({ maxOf: (tenantId) => quotasOf(tenantId)?.concurrentCalls })
  const refusalTiming = new RefusalTiming({ clock })
  lifecycle.onClose('refusals', () => refusalTiming.close(), { lane: 'servers' })
  const { run, targets } = callChain({
    audit: audit.log,
    intents: audit.intents,
    auditIntents,
    catalog: servers.catalog,
    upstreams: servers.upstreams,
    credentials: servers.credentials,
    interruption,
    limits,
    shares,
    ownStages,
    own: features,
    storedResults: new StoredResults({ store, keys, clock, logger, transit }),
    seal: new StateSeal({ keys, clock }),
    maxStateBytes: maxBodyBytes,
    tasks,
    callTimeoutMs,
    refusalTiming,
    clock,
    random,
    logger,
    metrics,
    history,
  })
  tenants.onChange(() => {
    shares.quotasChanged()
    targets.forget()
  })
  const calls = new Calls({ chain: run, clock })
  return { calls, targets, interruption, taskHandles: tasks.handles, limits, refusalTiming }
}
