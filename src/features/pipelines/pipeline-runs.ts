import { randomUUID } from 'node:crypto'
import { BoundedCache } from '../../cache/bounded-cache.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { PipelinePlan } from '../../pipelines/plan.ts'
import type { Call, Operation } from '../../calls/call.ts'
import { ActiveRun } from './active-run.ts'

interface RunLimits {
  /** Runs that are under way at the same time, of all tenants and of one. */
  readonly maxRunning: number
  readonly maxRunningOfTenant: number
  /** Runs that have ended and are kept, and the bytes that they may take together. */
  readonly maxKept: number
  readonly maxKeptBytes: number
  /** Milliseconds that a run is kept after its end. */
  readonly keepMs: number
}

const RUN_LIMITS: RunLimits = {
  maxRunning: 500,
  maxRunningOfTenant: 100,
  maxKept: 1000,
  maxKeptBytes: 64 * 1024 * 1024,
  keepMs: 900_000,
}

const RETRY_AFTER_MS = 1000

/** A run that was announced before its operation, and when it has begun. */
export interface ExpectedRun {
  readonly id: string
  readonly begun: Promise<void>
}

/** The runs of pipelines on this replica: those under way, and for a while those that have ended. */
export class PipelineRuns {
  readonly #limits: RunLimits
  readonly #clock: Clock
  readonly #running = new Map<string, ActiveRun>()
  readonly #ended: BoundedCache
  /** Whose the kept runs are, the oldest first; some of them may be gone. */
  readonly #owners = new Map<string, string>()
  #newId: () => string = randomUUID
  #onEnded: (run: ActiveRun) => void = () => undefined
  readonly #expected = new WeakMap<Operation, { id: string; begin: () => void }>()

  constructor(options: { clock: Clock; limits?: RunLimits }) {
    this.#limits = options.limits ?? RUN_LIMITS
    this.#clock = options.clock
    const { maxKept, maxKeptBytes } = this.#limits
    this.#ended = new BoundedCache({ maxEntries: maxKept, maxBytes: maxKeptBytes, clock: options.clock })
  }

  /** Takes over how runs are named, and who hears of their ends. */
  useFor(shared: { newId: () => string; onEnded: (run: ActiveRun) => void }): void {
    this.#newId = shared.newId
    this.#onEnded = shared.onEnded
  }

  /** Gives the run of an operation its id before the operation goes its way. */
  expect(operation: Operation): ExpectedRun {
    const { promise, resolve } = Promise.withResolvers<void>()
    const id = this.#newId()
    this.#expected.set(operation, { id, begin: resolve })
    return { id, begun: promise }
  }

  /** @throws GatewayError `rate_limited` when as many are under way as may be */
  begin({ caller, operation }: Call, plan: PipelinePlan): ActiveRun {
    const { tenantId } = caller.principal
    const ofTenant = [...this.#running.values()].filter((run) => run.tenantId === tenantId).length
    if (this.#running.size >= this.#limits.maxRunning || ofTenant >= this.#limits.maxRunningOfTenant)
      throw new GatewayError('rate_limited', 'The limit of concurrent pipeline runs is reached', {
        facts: { retryAfterMs: RETRY_AFTER_MS, mayHaveExecuted: false },
      })
    const expected = this.#expected.get(operation)
    const run = new ActiveRun({
      id: expected?.id ?? this.#newId(),
      plan,
      caller,
      clock: this.#clock,
      onEnd: (ended) => this.#keep(ended),
    })
    this.#running.set(run.id, run)
    expected?.begin()
    return run
  }

  /** How a run of the principal does. @throws GatewayError `run_not_found` */
  status(id: string, principal: Principal): JsonObject {
    const running = this.#running.get(id)
    if (running?.owner === principalKey(principal)) return running.status()
    const kept = this.#keptOf(id, principal)
    if (kept === undefined) throw unknownRun(id)
    return kept
  }

  /** The runs of the principal that are under way or still kept, the newest first; without results. */
  list(principal: Principal): JsonObject[] {
    const owner = principalKey(principal)
    const running = [...this.#running.values()]
      .filter((run) => run.owner === owner)
      .map((run) => run.status())
    const kept = [...this.#owners]
      .filter(([, of]) => of === owner)
      .map(([id]) => this.#keptOf(id, principal))
      .filter((run) => run !== undefined)
    return [...kept, ...running].map(withoutResult).toSorted(newestFirst)
  }

  /** Ends a run of the principal; one that has ended stays as it is. @throws GatewayError `run_not_found` */
  cancel(id: string, principal: Principal): JsonObject {
    const running = this.#running.get(id)
    if (running?.owner === principalKey(principal)) running.cancel()
    return this.status(id, principal)
  }

  #keptOf(id: string, principal: Principal): JsonObject | undefined {
    const text = this.#ended.get({ tenantId: principal.tenantId, digest: id })
    const kept: unknown = text === undefined ? undefined : JSON.parse(text)
    if (!isJsonObject(kept) || kept['owner'] !== principalKey(principal)) return undefined
    return isJsonObject(kept['status']) ? kept['status'] : undefined
  }

  #keep(run: ActiveRun): void {
    const { id, tenantId, owner } = run
    this.#remember(id, owner)
    const { keepMs, maxKeptBytes } = this.#limits
    const key = { tenantId, digest: id }
    const status = run.status()
    const text = JSON.stringify({ owner, status })
    if (Buffer.byteLength(text) < maxKeptBytes / 20) this.#ended.set(key, text, keepMs)
    else {
      const { result: _result, ...rest } = status
      this.#ended.set(key, JSON.stringify({ owner, status: { ...rest, resultTooLarge: true } }), keepMs)
    }
    this.#running.delete(id)
    this.#onEnded(run)
  }

  #remember(id: string, owner: string): void {
    this.#owners.set(id, owner)
    const [oldest] = this.#owners.keys()
    if (this.#owners.size > this.#limits.maxKept && oldest !== undefined) this.#owners.delete(oldest)
  }
}

/** The error for a run that does not exist, or belongs to somebody else. */
export function unknownRun(id: string): GatewayError {
  return new GatewayError('run_not_found', `Unknown run: ${id.slice(0, 64)}`)
}

function withoutResult({ result: _result, ...status }: JsonObject): JsonObject {
  return status
}

function newestFirst(one: JsonObject, other: JsonObject): number {
  return String(one['startedAt']) < String(other['startedAt']) ? 1 : -1
}
