import { BoundedCache } from '../cache/bounded-cache.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import { type ApprovalParts, type OpenApprovals, openApprovals } from './approvals/approvals-open.ts'
import { ruleFor } from './approvals/approval-stage.ts'
import { openEnhancer, type OpenEnhancer } from './enhancement/enhancer-open.ts'
import type { CacheState } from '../telemetry/metrics/cache-metrics.ts'
import type { StageFor } from '../calls/stage.ts'
import type { Calls } from '../calls/calls.ts'
import { enhanceArguments } from './enhancement/enhance-arguments.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import { BuiltinServers } from './builtin/builtin-servers.ts'
import { enhanceSource } from './enhancement/enhance-tool.ts'
import { PipelineCheck } from './pipelines/pipeline-check.ts'
import { RunDirectory, type SharedRuns } from './pipelines/run-directory.ts'
import { PipelineRuns } from './pipelines/pipeline-runs.ts'
import { pipelineSource } from './pipelines/pipeline-source.ts'

/** The caches of the gateway, by the names that operators know. */
export type Caches = Readonly<Record<'enhancements' | 'results', BoundedCache>>

/** The gateway's own features, in addition to forwarding calls. */
export interface OpenFeatures {
  readonly enhancing: OpenEnhancer
  readonly caches: Caches
  readonly builtins: BuiltinServers
  /** Of calls, in order. */
  readonly stages: readonly StageFor[]
  /** Asks for a person's yes. */
  readonly approval: StageFor
  readonly approvals: Pick<OpenApprovals, 'approvals' | 'pageOf' | 'toolsChanged' | 'close'>
  readonly pipelineCheck: PipelineCheck
  readonly pipelineRuns: PipelineRuns
  readonly runDirectory: RunDirectory
  /** For metrics. */
  readonly cacheStates: () => CacheState[]
}

/** Builds what the gateway does itself; nothing is waited for. */
export function openFeatures(
  settings: Pick<Settings, 'enhancement' | 'caches' | 'approvals' | 'approverRoles' | 'publicUrl'>,
  options: {
    catalog: Catalog
    /** What the steps of pipelines go through. */
    calls: () => Calls
    /** Absent where there are no other replicas. */
    shared?: SharedRuns | undefined
    /** What requests for approval are kept and recorded in. */
    approvals: ApprovalParts
    metrics: Pick<Metrics, 'enhancement' | 'approvals'>
    clock: Clock
    random: () => number
    logger: Logger
  },
): OpenFeatures {
  const { catalog, calls, metrics, clock, logger } = options
  const enhancing = openEnhancer(settings, {
    rules: () => catalog.snapshot.enhancementRules.values(),
    onOutcome: (outcome) => metrics.enhancement(outcome),
    clock,
    logger,
  })
  const caches = {
    enhancements: enhancing.cache,
    results: new BoundedCache({ ...settings.caches, clock }),
  }
  const { enhancer } = enhancing
  const pipelineCheck = new PipelineCheck({ catalog })
  const pipelineRuns = new PipelineRuns({ clock })
  const runDirectory = new RunDirectory({ runs: pipelineRuns, shared: options.shared, clock, logger })
  const sources = [
    enhanceSource({ enhancer, roles: settings.enhancement.roles, clock }),
    pipelineSource({ catalog, check: pipelineCheck, runs: pipelineRuns, calls, clock }),
  ]
  const approvals = openApprovals(settings, options.approvals, options)
  const improved = enhanceArguments({ enhancer, clock })
  // What a person approves is what was asked for: a model would say it differently the next time.
  const enhanced: StageFor = (target) => (ruleFor(target) === undefined ? improved(target) : undefined)
  const builtins = new BuiltinServers({ catalog, sources, clock, logger })
  return {
    enhancing,
    caches,
    builtins,
    // The gateway's own servers need nothing of what follows, and their own calls come here again.
    stages: [builtins.stage, enhanced],
    approval: (target) => {
      const asked = approvals.stage(target)
      return asked && builtins.checkedBefore(asked, target)
    },
    approvals,
    pipelineCheck,
    pipelineRuns,
    runDirectory,
    cacheStates: () => Object.entries(caches).map(([name, cache]) => ({ name, ...cache.figures() })),
  }
}
