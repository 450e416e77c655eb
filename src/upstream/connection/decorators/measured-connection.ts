import type { Clock } from '../../../domain/clock.ts'
import { toGatewayError } from '../../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import { TOOL_ERROR } from '../../../telemetry/attributes.ts'
import type { Metrics } from '../../../telemetry/metrics/metrics.ts'
import type { Connect, Connection } from '../connection.ts'
import { isToolError, type RawObject } from '../../../domain/json/raw-object.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import { wrapped } from './wrapped.ts'

interface MeasureOptions {
  readonly metrics: Pick<Metrics, 'clientOperation'>
  readonly clock: Clock
}

/** Opens connections whose requests are counted and timed, including those of the gateway itself. */
export function measuring(connect: Connect, options: MeasureOptions): Connect {
  return async (server, events, opening) => measured(await connect(server, events, opening), server, options)
}

function measured(
  connection: Connection,
  { name: server, transport: kind }: ServerDefinition,
  { metrics, clock }: MeasureOptions,
): Connection {
  const { protocolVersion } = connection
  const transport = kind === 'stdio' ? 'pipe' : 'tcp'
  const count = (
    method: string,
    params: JsonObject | undefined,
    startedAt: number,
    failure?: string,
  ): void => {
    const name = method === 'tools/call' ? params?.['name'] : undefined
    const tool = typeof name === 'string' ? name : undefined
    metrics.clientOperation(
      { method, protocolVersion, transport, server, tool, errorType: failure },
      clock.monotonic() - startedAt,
    )
  }
  const counting =
    <R extends JsonObject | RawObject>(send: Send<R>): Send<R> =>
    (method, params, options) => {
      const startedAt = clock.monotonic()
      const answered = send(method, params, options)
      // Not with `await`: an asynchronous function would cost every call.
      answered.then(
        (result) => count(method, params, startedAt, isToolError(result) ? TOOL_ERROR : undefined),
        (error: unknown) => {
          const { code, facts } = toGatewayError(error)
          count(method, params, startedAt, String(facts.upstream?.code ?? code))
        },
      )
      return answered
    }
  // Not with a rest parameter, for which V8 makes an array each time.
  const request = counting((method, params, options) => connection.request(method, params, options))
  const { requestRaw } = connection
  return wrapped(connection, {
    request,
    ...(requestRaw !== undefined && {
      requestRaw: counting((method, params, options) => requestRaw.call(connection, method, params, options)),
    }),
  })
}

type Send<R> = (...given: Parameters<Connection['request']>) => Promise<R>
