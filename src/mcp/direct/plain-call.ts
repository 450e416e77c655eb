import type { Caller, Operation } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import type { PlainTargets } from '../../calls/plain/plain-targets.ts'
import type { MethodTable } from '../../calls/methods.ts'
import { hasParamHeaders } from '../../calls/param-headers.ts'
import { routeOf } from '../../calls/router.ts'
import type { OperationTarget } from '../../calls/target-names.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Clock } from '../../domain/clock.ts'
import { toGatewayError } from '../../domain/errors/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { ListTexts } from './list-texts.ts'

/** What plain calls run on. */
export interface PlainCallOptions {
  readonly calls: Calls
  readonly targets: PlainTargets
  readonly catalog: Catalog
  readonly lists: ListTexts
  readonly methods: MethodTable
  readonly metrics: Pick<Metrics, 'serverOperation'>
  readonly clock: Clock
  readonly logger: Logger
}

/** The sender of a request, but for what belongs to the request. */
export type PlainSender = Omit<Caller, 'requestId' | 'client'>

const NEVER = new AbortController().signal

/**
 * Whether the caller may make a call of MCP, and nothing more of it has to be compared: the SDK compares headers with
 * the arguments of some tools.
 */
export function isPlainTarget(
  { catalog, targets }: Pick<PlainCallOptions, 'catalog' | 'targets'>,
  sender: PlainSender,
  {
    method,
    target,
    params,
    scope,
  }: Pick<Operation, 'method' | 'params' | 'scope'> & { readonly target: OperationTarget },
): boolean {
  const asked: Operation = { ...target, scope, method, params, signal: NEVER }
  const caller: Caller = { ...sender, requestId: '' }
  if (targets.of(caller, asked) !== undefined) return true
  const routing = routeOf(caller, asked, catalog)
  if (!routing.found || routing.decision.effect === 'deny' || routing.needsClient) return false
  const { server, name } = routing.route
  const tool = method.runsTool === true ? catalog.catalogOf(server)?.toolsByOwnName.get(name) : undefined
  return tool === undefined || !hasParamHeaders(tool.listed)
}

/** Logs the cause of an internal error, which the caller is not told. */
export function logInternal(logger: Logger, thrown: unknown, requestId: string): void {
  const error = toGatewayError(thrown)
  if (error.code === 'internal')
    logger.error({ err: error.cause ?? error, requestId }, 'request failed in the gateway')
}
