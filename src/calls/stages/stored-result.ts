import type { Catalog } from '../../catalog/catalog.ts'
import { decide } from '../../domain/access-policy.ts'
import type { Clock } from '../../domain/clock.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { deadlineOf } from '../deadline.ts'
import { SerializedAnswer } from '../plain/serialized-answer.ts'
import type { StoredResults } from '../results/stored-results.ts'
import { storedUriIn } from '../results/stored-uri.ts'
import type { RoutedCall, StageFor } from '../stage.ts'

/**
 * Stage: answers reads of stored results. A caller that may no longer call the tool of a result may not read it
 * either.
 */
export function storedResult({
  storedResults,
  catalog,
  clock,
}: {
  storedResults: Pick<StoredResults, 'find' | 'read'>
  catalog: Pick<Catalog, 'snapshot'>
  clock: Clock
}): StageFor {
  return ({ method }) => {
    if (method.name !== 'resources/read') return undefined
    return async (call, next) => {
      const named = storedUriIn(call.route.name)
      if (named === undefined) return next(call)
      const { caller, route } = call
      const { principal } = caller
      const found = await storedResults.find(principal, named.id)
      const server = serverKey(route.server)
      if (found?.server !== server) throw notFound(call)
      const target = { server, kind: 'tool', name: found.tool } as const
      if (decide(principal, 'call', target, catalog.snapshot).effect === 'deny') throw notFound(call)
      const { part } = named
      const { signal } = call.operation
      const timeoutMs = Math.max(0, deadlineOf(call) - clock.monotonic())
      const text = await storedResults.read(found, { principal, part, signal, timeoutMs })
      if (text === undefined) throw notFound(call)
      const contents = [{ uri: call.operation.name, mimeType: found.mimeType, text }]
      return new SerializedAnswer({ contents }, route)
    }
  }
}

/** The same answer as for a resource that does not exist. */
function notFound({ operation: { name } }: RoutedCall): GatewayError {
  return new GatewayError('resource_not_found', `Unknown resource: ${name.slice(0, 256)}`)
}
