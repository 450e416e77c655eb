import { randomUUID } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { PipelinePlan } from '../../pipelines/plan.ts'
import type { Call, Operation } from '../../calls/call.ts'
import { ActiveRun } from './active-run.ts'
import { type EndedLimits, EndedRuns } from './ended-runs.ts'

interface RunLimits extends EndedLimits {
  /** Runs that are under way at the same time, of all tenants, of one, and of one of its principals. */
  readonly maxRunning: number
  readonly maxRunningOfTenant: number
  readonly maxRunningOfPrincipal: number
}

const RUN_LIMITS: RunLimits = {
  maxRunning: 500,
  maxRunningOfTenant: 100,
  maxRunningOfPrincipal: 50,
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
  readonly #ended: EndedRuns
  #newId: () => string = randomUUID
  #onEnded: (run: ActiveRun) => void = () => undefined
  readonly #expected = new WeakMap<Operation, { id: string; begin: () => void }>()

  constructor(options: { clock: Clock; limits?: RunLimits }) {
    this.#limits = options.limits ?? RUN_LIMITS
    this.#clock = options.clock
    this.#ended = new EndedRuns({ limits: this.#limits, clock: options.clock })
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
    if (!this.#isRoomFor(caller.principal))
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
    const kept = this.#ended.status(id, principal)
    if (kept === undefined) throw unknownRun(id)
    return kept
  }

  /** The runs of the principal that are under way or still kept, the newest first; without results. */
  list(principal: Principal): JsonObject[] {
    const owner = principalKey(principal)
    const running = [...this.#running.values()]
      .filter((run) => run.owner === owner)
      .map((run) => run.status())
    return [...this.#ended.list(principal), ...running].toSorted(newestFirst)
  }

  /** Ends a run of the principal; one that has ended stays as it is. @throws GatewayError `run_not_found` */
  cancel(id: string, principal: Principal): JsonObject {
    const running = this.#running.get(id)
    if (running?.owner === principalKey(principal)) running.cancel()
    return this.status(id, principal)
  }

  #isRoomFor(principal: Principal): boolean {
    const owner = principalKey(principal)
    const ofTenant = [...this.#running.values()].filter(({ tenantId }) => tenantId === principal.tenantId)
    const { maxRunning, maxRunningOfTenant, maxRunningOfPrincipal } = this.#limits
    return (
      this.#running.size < maxRunning &&
      ofTenant.length < maxRunningOfTenant &&
      ofTenant.filter((run) => run.owner === owner).length < maxRunningOfPrincipal
    )
  }

  #keep(run: ActiveRun): void {
    this.#ended.keep(run)
    this.#running.delete(run.id)
    this.#onEnded(run)
  }
}

/** The error for a run that does not exist, or belongs to another caller. */
export function unknownRun(id: string): GatewayError {
  return new GatewayError('run_not_found', `Unknown run: ${id.slice(0, 64)}`)
}

function newestFirst(one: JsonObject, other: JsonObject): number {
  return String(one['startedAt']) < String(other['startedAt']) ? 1 : -1
}
