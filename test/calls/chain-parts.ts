import type { AuditLog } from '../../src/audit/audit-log.ts'
import { BoundedCache } from '../../src/cache/bounded-cache.ts'
import { Interruption } from '../../src/calls/interruption.ts'
import { Allowances } from '../../src/calls/limits/allowances.ts'
import { Limits } from '../../src/calls/limits/limits.ts'
import { TenantShares } from '../../src/calls/limits/tenant-shares.ts'
import type { CallChainParts } from '../../src/calls/call-chain.ts'
import { StateSeal } from '../../src/calls/client/state-seal.ts'
import { TaskHandles } from '../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../src/calls/tasks/task-memory.ts'
import type { Catalog } from '../../src/catalog/catalog.ts'
import type { Clock } from '../../src/domain/clock.ts'
import { RefusalTiming } from '../../src/domain/errors/refusal-timing.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import type { Upstreams } from '../../src/upstream/upstreams.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'

/** What modern servers and clients declare for tasks. */
export const TASKS = { 'io.modelcontextprotocol/tasks': {} }

/** What a test has in place of all servers. */
type AnswerRequest = (server: string, method: string, params: JsonObject) => JsonObject

/** The parts of a call chain to modern servers with tasks, which records and limits nothing. */
export function chainParts(
  catalog: Catalog,
  answer: AnswerRequest,
  given: Partial<CallChainParts> = {},
): CallChainParts {
  const { clock = new FakeClock() } = given
  return {
    audit: {
      reserve: nothing,
      record: nothing,
      flushWithin: () => Promise.resolve(true),
    } as unknown as AuditLog,
    intents: undefined,
    auditIntents: 'off',
    catalog,
    upstreams: upstreamsOf(answer) as unknown as Upstreams,
    credentials: {} as CallChainParts['credentials'],
    interruption: new Interruption(),
    limits: new Limits({ allowances: new Allowances({ clock }), quotasOf: () => undefined }),
    shares: new TenantShares({ maxOf: () => undefined }),
    ownStages: [],
    own: {
      stages: [],
      approval: () => undefined,
      caches: { results: new BoundedCache({ maxEntries: 10, maxBytes: 10_000, clock }) },
    },
    storedResults: undefined as unknown as CallChainParts['storedResults'],
    seal: new StateSeal({ keys: { current: Buffer.alloc(32) }, clock }),
    maxStateBytes: 1_000_000,
    tasks: { handles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }), memory: new TaskMemory() },
    callTimeoutMs: 60_000,
    refusalTiming: atOnce(clock),
    clock,
    random: () => 0,
    logger: silentLogger,
    metrics: { call: nothing, retry: nothing, fallback: nothing } as unknown as Metrics,
    ...given,
  }
}

function nothing(): void {}

/** Pools whose connections lead to servers by their names. */
function upstreamsOf(answer: AnswerRequest): object {
  return {
    eraOf: () => 'modern',
    capabilitiesOf: () => ({ extensions: TASKS }),
    poolFor: ({ name }: { name: string }) => ({
      isStopped: false,
      breaker: { run: (use: () => unknown) => use() },
      run: async (use: (connection: unknown, instance: string) => unknown) =>
        use({ era: 'modern', capabilities: {}, request: requestTo(name, answer) }, `${name}-1`),
    }),
  }
}

function requestTo(name: string, answer: AnswerRequest) {
  return async (method: string, params: JsonObject): Promise<JsonObject> => {
    await Promise.resolve()
    return answer(name, method, params)
  }
}

/** Refusals do not wait. */
export function atOnce(clock: Clock): RefusalTiming {
  const timing = new RefusalTiming({ clock })
  timing.close()
  return timing
}
