import { type ErrorFacts, GatewayError } from '../../../domain/errors/errors.ts'
import type { Connection } from '../connection.ts'
import { type Redact, redactedError, redactedJson } from './redaction.ts'
import { wrapped } from './wrapped.ts'

/** A connection whose errors contain no secrets. Results pass unchanged. */
export function redactedConnection(connection: Connection, redact: Redact): Connection {
  const redacted = <T>(outcome: Promise<T>): Promise<T> =>
    outcome.catch((error: unknown) => Promise.reject(redactedFailure(error, redact)))
  return wrapped(connection, {
    request: (method, params, options) => redacted(connection.request(method, params, options)),
    requestRaw: (method, params, options) =>
      redacted(
        connection.requestRaw?.(method, params, options) ?? connection.request(method, params, options),
      ),
    watchResources: (uris) => redacted(connection.watchResources(uris)),
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
