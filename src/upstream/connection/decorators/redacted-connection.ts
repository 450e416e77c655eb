import { type ErrorFacts, GatewayError } from '../../../domain/errors/errors.ts'
import { type ServerDefinition, serverKey } from '../../../domain/documents/server-definition.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import type { RawObject } from '../../../domain/json/raw-object.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import type { Connection } from '../connection.ts'
import { type Redact, redactedError, redactedJson, redactor } from './redaction.ts'
import { ResultRedaction } from './result-redaction.ts'
import { wrapped } from './wrapped.ts'

/**
 * A connection whose errors and results contain none of these secrets; the same connection if there are none.
 * @param options.onRedacted is told how many places of a result had one
 */
export function withoutSecrets(
  connection: Connection,
  options: {
    readonly server: ServerDefinition
    readonly secrets: readonly string[]
    readonly logger: Logger
    readonly onRedacted?: (server: string, count: number) => void
  },
): Connection {
  const { server, secrets, logger, onRedacted } = options
  if (secrets.length === 0) return connection
  let isKnown = false
  const results = new ResultRedaction({
    secrets,
    onRedacted: (count) => {
      if (!isKnown)
        logger.warn({ server: serverKey(server) }, 'a result contained a secret, which was taken out')
      isKnown = true
      onRedacted?.(server.name, count)
    },
  })
  return redactedConnection(connection, redactor({ secrets }), results)
}

function redactedConnection(connection: Connection, redact: Redact, results: ResultRedaction): Connection {
  const redacted = <T>(outcome: Promise<T>): Promise<T> =>
    outcome.catch((error: unknown) => Promise.reject(redactedFailure(error, redact)))
  const clean = <T extends RawObject | JsonObject>(outcome: Promise<T>): Promise<T | JsonObject> =>
    redacted(outcome).then((result) => results.clean(result))
  return wrapped(connection, {
    request: (method, params, options) => clean(connection.request(method, params, options)),
    requestRaw: (method, params, options) =>
      clean(connection.requestRaw?.(method, params, options) ?? connection.request(method, params, options)),
    watchResources: (uris, change) => redacted(connection.watchResources(uris, change)),
  })
}

function redactedFailure(error: unknown, redact: Redact): Error {
  if (!(error instanceof GatewayError)) return redactedError(error, redact)
  const { upstream } = error.facts
  const facts: ErrorFacts = {
    ...error.facts,
    ...(upstream !== undefined && {
      upstream: {
        code: upstream.code,
        message: redact(upstream.message),
        ...(upstream.data !== undefined && { data: redactedJson(upstream.data, redact) }),
      },
    }),
  }
  const cause = error.cause === undefined ? {} : { cause: redactedError(error.cause, redact) }
  return new GatewayError(error.code, redact(error.message), { ...cause, facts })
}
