import type { Catalog } from '../../catalog/catalog.ts'
import { updateUnder } from '../../catalog/resource-alias.ts'
import { decide } from '../../domain/access-policy.ts'
import type { Clock } from '../../domain/clock.ts'
import { RawObject } from '../../domain/json/raw-object.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Connection, RequestOptions } from '../../upstream/connection/connection.ts'
import { isNeverSent } from '../../upstream/connection/upstream-error.ts'
import type { RunOptions } from '../../upstream/pool/admission/call-queue.ts'
import type { Pool, Use } from '../../upstream/pool/pool.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import type { CallerClient, ResourceWatch } from '../call.ts'
import { type Answer, type RoutedCall, type StageFor, UnparsedAnswer } from '../stage.ts'
import { setLogLevel } from '../client/log-level.ts'
import { PoolChoice } from '../client/pool-choice.ts'
import { deadlineOf, extendedMs } from '../deadline.ts'
import { runOptions } from '../limits/run-options.ts'
import { forwardedHeaders } from '../client/forwarded-headers.ts'
import type { TenantShares } from '../limits/tenant-shares.ts'
import { paramHeaders } from '../param-headers.ts'
import type { Tasks } from '../tasks/task-ids.ts'
import { paramsFor, resultFor } from '../target-names.ts'
import { traceUpstream } from '../trace.ts'
import type { BegunAttempt } from '../plain/begun-attempt.ts'

interface SendOptions {
  readonly upstreams: Upstreams
  readonly catalog: Pick<Catalog, 'snapshot'>
  readonly tasks: Tasks
  readonly clock: Clock
  readonly shares: TenantShares
}

/** One attempt to send a call, over one pool. */
interface Attempt {
  readonly call: RoutedCall
  readonly client: CallerClient | undefined
  readonly pool: Pool
  /** The instance that it was sent to; undefined until it has reached one. */
  instance: string | undefined
  /** Set if it was sent already, and what the server answers is awaited. */
  readonly begun?: BegunAttempt
}

/**
 * Last stage: chooses the pool, asks its circuit breaker, and sends the call to an instance; the server's result comes
 * back unchanged. A call that waited for a pool that has stopped continues with its replacement, if there is one.
 */
export function send(options: SendOptions): StageFor {
  const pools = new PoolChoice(options)
  return () => async (call) => {
    for (;;) {
      const attempt = begunAttempt(pools, call) ?? (await newAttempt(pools, call))
      const { pool } = attempt
      call.info.instance = attempt.instance
      try {
        return await sent(options, attempt)
      } catch (error) {
        if (!pool.isStopped || attempt.instance !== undefined || !isNeverSent(error)) throw error
      }
    }
  }
}

/** The attempt that was made ahead of the stages, the first time. */
function begunAttempt(pools: PoolChoice, call: RoutedCall): Attempt | undefined {
  const begun = call.attempt
  if (begun?.isTaken !== false) return undefined
  const instance = begun.begun.permit.member.instance.id
  return { call, client: pools.clientOf(call), pool: begun.pool, instance, begun }
}

async function newAttempt(pools: PoolChoice, call: RoutedCall): Promise<Attempt> {
  const client = pools.clientOf(call)
  const isLegacy = client?.era === 'legacy'
  const pool = isLegacy ? await pools.ofLegacyClient(call, client) : pools.shared(call)
  return { call, client, pool, instance: undefined }
}

function sent(options: SendOptions, attempt: Attempt): Promise<Answer> {
  const { call, pool } = attempt
  const { watch } = call.operation
  const run = runOptions(options, call)
  return pool.breaker.run(
    () =>
      watch === undefined ? request(options, attempt, run) : watchResource(options, attempt, watch, run),
    () => attempt.instance !== undefined,
  )
}

function request({ clock }: SendOptions, attempt: Attempt, run: RunOptions): Promise<Answer> {
  const { call, client, pool, begun } = attempt
  const { operation, route } = call
  const use: Use<Answer> = async (connection, instance) => {
    attempt.instance = instance
    call.info.instance = instance
    if (client?.logLevel !== undefined) await setLogLevel(connection, client, run.signal)
    const options = requestOptions(attempt, connection, clock.monotonic())
    const { name, rewrites } = operation.method
    const given = await (begun?.take() ??
      traceUpstream(call, { connection, instance, params: paramsFor(call) }, (params) =>
        connection.requestRaw === undefined
          ? connection.request(name, params, options)
          : connection.requestRaw(name, params, options),
      ))
    const isRaw = given instanceof RawObject
    if (isRaw && operation.takesRaw === true && rewrites === undefined)
      return new UnparsedAnswer(given, route)
    return { route, result: resultFor(isRaw ? given.parse() : given, operation, route) }
  }
  return pool.run(use, run, begun?.begun)
}

function requestOptions({ call, client }: Attempt, connection: Connection, now: number): RequestOptions {
  const { signal, onProgress } = call.operation
  const { method, tool } = call.plan.target
  const hasHeaders = connection.era === 'modern' && method.runsTool === true && tool !== undefined
  const headers = hasHeaders ? paramHeaders(tool.own, call.params['arguments']) : undefined
  const forwarded = forwardedHeaders(call.route.server, call.caller)
  return {
    signal,
    timeoutMs: Math.max(1, deadlineOf(call) - now),
    maxTotalMs: extendedMs(call, now),
    ...(onProgress !== undefined && { onProgress }),
    ...(client !== undefined && { client }),
    ...(headers !== undefined && { headers }),
    ...(forwarded !== undefined && { forwarded }),
  }
}

/** Subscribes to a resource; each update is delivered only while the caller may still read the resource. */
async function watchResource(
  { catalog }: SendOptions,
  { call, pool }: Attempt,
  watch: ResourceWatch,
  run: RunOptions,
): Promise<Answer> {
  const { caller, operation, route } = call
  const target = { server: serverKey(route.server), kind: 'resource', name: route.name } as const
  const release = await pool.watchResource(
    route.name,
    (params) => {
      if (decide(caller.principal, 'subscribe', target, catalog.snapshot).effect === 'allow')
        watch.onUpdated(updateUnder(params, route.name, operation.name))
    },
    run,
  )
  watch.onWatching(release)
  return { route, result: {} }
}
