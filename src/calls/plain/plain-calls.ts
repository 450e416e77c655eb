import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { RawObject } from '../../domain/json/raw-object.ts'
import { TextResult } from '../../domain/json/text-result.ts'
import type { Clock } from '../../domain/clock.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { isTracing } from '../../telemetry/tracing.ts'
import type { Connection } from '../../upstream/connection/connection.ts'
import type { Permit, RunOptions } from '../../upstream/pool/admission/call-queue.ts'
import type { Pool } from '../../upstream/pool/pool.ts'
import type { Call, CallerClient, Operation } from '../call.ts'
import type { PoolChoice } from '../client/pool-choice.ts'
import type { Limits } from '../limits/limits.ts'
import type { RetryBudget } from '../limits/retry-budget.ts'
import { runOptions } from '../limits/run-options.ts'
import type { TenantShares } from '../limits/tenant-shares.ts'
import { runFrom } from '../plan.ts'
import { type Answer, type RoutedCall, UnparsedAnswer } from '../stage.ts'
import { namesTask } from '../tasks/task-ids.ts'
import { BegunAttempt } from './begun-attempt.ts'
import { SerializedAnswer } from './serialized-answer.ts'
import type { PlainTarget, PlainTargets } from './plain-targets.ts'

/** The position after the limits, which count a call once. */
const BEHIND_LIMITS = 1
/** Parameters that continue a task or an earlier round. */
const CONTINUING = ['task', 'inputResponses', 'requestState'] as const

interface PlainCallsOptions {
  readonly targets: PlainTargets
  readonly pools: PoolChoice
  readonly limits: Limits
  readonly shares: TenantShares
  readonly budget: RetryBudget
  readonly clock: Clock
  readonly callTimeoutMs: number
}

/** A call that was sent. */
interface Sent {
  readonly call: RoutedCall
  readonly pool: Pool
  readonly permit: Permit
  readonly wanted: RunOptions
  readonly startedAt: number
  readonly given: Promise<RawObject | JsonObject>
}

/**
 * Runs plain tool calls in one step in place of the general stages, which do nothing for them: the client can be asked
 * nothing, there is no task and no setting of the operator for the tool, a permit is free, and the circuit breaker is
 * closed. An unexpected outcome is passed to the general stages.
 */
export class PlainCalls {
  readonly #options: PlainCallsOptions

  constructor(options: PlainCallsOptions) {
    this.#options = options
  }

  /** Makes the function that tries this first, and runs all other calls by `general`. */
  before(general: (call: Call) => Promise<Answer>): (call: Call) => Promise<Answer> {
    return (call) => this.run(call) ?? general(call)
  }

  /** Runs a call if it is plain; otherwise does nothing and returns undefined. */
  run(call: Call): Promise<Answer> | undefined {
    const sent = isPlainCall(call) ? this.#sent(call) : undefined
    return sent && this.#answered(sent)
  }

  #sent(call: Call): Sent | undefined {
    const { caller, operation } = call
    const { targets, limits, callTimeoutMs, clock } = this.#options
    const target = targets.of(caller, operation)
    if (target === undefined || !isAcceptable(operation)) return undefined
    const { route, plan, decision } = target
    const timeoutMs = plan.target.policy.timeoutMs ?? callTimeoutMs
    const { params } = operation
    const { startedAt: callAt, info } = call
    const routed: RoutedCall = {
      caller,
      operation,
      startedAt: callAt,
      info,
      route,
      plan,
      params,
      timeoutMs,
      askedMs: 0,
    }
    const pool = target.pool?.isStopped === false ? target.pool : this.#poolFor(target, routed)
    if (pool?.breaker.isClosed !== true) return undefined
    const wanted: RunOptions =
      target.account === undefined
        ? runOptions(this.#options, routed)
        : { signal: operation.signal, deadlineAt: callAt + timeoutMs, ...target.account }
    const permit = pool.admit(wanted)
    if (permit === undefined) return undefined
    if (target.isCounted && limits.refusal(caller.principal, route.server) !== undefined) {
      pool.release(permit, wanted)
      return undefined
    }
    info.route = route
    info.decision = decision
    info.instance = permit.member.instance.id
    const startedAt = clock.monotonic()
    return { call: routed, pool, permit, wanted, startedAt, given: this.#request(routed, permit, startedAt) }
  }

  #poolFor(target: PlainTarget, call: RoutedCall): Pool | undefined {
    try {
      target.pool = this.#options.pools.shared(call)
    } catch {
      target.pool = undefined
    }
    return target.pool
  }

  #request(call: RoutedCall, { connection }: Permit, now: number): Promise<RawObject | JsonObject> {
    const { operation, route, startedAt, timeoutMs } = call
    const client = this.#clientOf(call, connection)
    const options = {
      signal: operation.signal,
      timeoutMs: Math.max(1, startedAt + timeoutMs - now),
      ...(client !== undefined && { client }),
    }
    const params = { ...call.params, name: route.name }
    return connection.requestRaw === undefined
      ? connection.request(operation.method.name, params, options)
      : connection.requestRaw(operation.method.name, params, options)
  }

  /** A client that declares nothing needs no restriction; only ids of tasks may need to be replaced. */
  #clientOf(call: RoutedCall, { era, capabilities }: Connection): CallerClient | undefined {
    const { client } = call.operation
    const mayHaveTasks = client?.era === 'legacy' && era === 'legacy' && 'tasks' in capabilities
    return mayHaveTasks ? this.#options.pools.grantedTo(client, call) : client
  }

  async #answered(sent: Sent): Promise<Answer> {
    const { call, pool, permit, wanted, startedAt } = sent
    let result: RawObject | JsonObject
    try {
      result = await sent.given
    } catch {
      return generally(sent)
    }
    const answer = plainAnswer(result, call)
    if (answer === undefined) return generally(sent)
    pool.succeeded(permit, wanted, startedAt)
    pool.breaker.succeeded()
    const { server } = call.route
    if (server.retry.maxAttempts > 1) this.#options.budget.earn(serverKey(server))
    return answer
  }
}

/** Runs the general stages, with the attempt that was made as their first one. */
function generally({ call, pool, permit, startedAt, given }: Sent): Promise<Answer> {
  const attempt = new BegunAttempt(pool, { permit, startedAt }, given)
  return runFrom({ ...call, attempt }, BEHIND_LIMITS)
}

function isPlainCall({ operation: { client, params, watch, onProgress, task } }: Call): boolean {
  if (watch !== undefined || onProgress !== undefined || task !== undefined || isTracing()) return false
  if (client !== undefined && !isSilent(client)) return false
  const { _meta: meta } = params
  if (isJsonObject(meta) && ('baggage' in meta || namesTask(params))) return false
  return !CONTINUING.some((name) => name in params)
}

/** Whether the client can be asked nothing, and wants no messages of servers. */
function isSilent({ capabilities, ask, logLevel }: CallerClient): boolean {
  return ask === undefined && logLevel === undefined && Object.keys(capabilities).length === 0
}

/** A problem of the arguments is found again by the general stages, which report it. */
function isAcceptable({ check }: Operation): boolean {
  try {
    check?.()
    return true
  } catch {
    return false
  }
}

/** The answer, if no stage would change its result; undefined if one may. */
function plainAnswer(
  given: RawObject | JsonObject,
  { operation, route }: Pick<RoutedCall, 'operation' | 'route'>,
): Answer | undefined {
  const isText = given instanceof TextResult
  if (isText && operation.takesRaw === true) return new UnparsedAnswer(given, route)
  const result = isText ? given.parse() : given
  if (result instanceof RawObject || !isPlainResult(result, operation)) return undefined
  return new SerializedAnswer(result, route)
}

/** Whether the result is complete, and names no resource whose URI may have to change. */
function isPlainResult(result: JsonObject, { scope, isStep }: Operation): boolean {
  if ('resultType' in result || 'task' in result) return false
  if (scope !== undefined || isStep === true) return true
  if ('messages' in result || 'contents' in result || 'result' in result) return false
  const { content } = result
  if (content === undefined) return true
  return Array.isArray(content) && content.every(isPlainBlock)
}

function isPlainBlock(block: unknown): boolean {
  return isJsonObject(block) && block['type'] !== 'resource_link' && block['type'] !== 'resource'
}
