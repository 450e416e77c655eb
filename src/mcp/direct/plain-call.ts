import type { Caller } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import type { PlainTargets } from '../../calls/plain/plain-targets.ts'
import type { MethodTable } from '../../calls/methods.ts'
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

/** Logs the cause of an internal error, which the caller is not told. */
export function logInternal(logger: Logger, thrown: unknown, requestId: string): void {
  const error = toGatewayError(thrown)
  if (error.code === 'internal')
    logger.error({ err: error.cause ?? error, requestId }, 'request failed in the gateway')
}
