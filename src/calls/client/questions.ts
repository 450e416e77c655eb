import { GatewayError } from '../../domain/errors/errors.ts'
import type { Route } from '../call.ts'

const MAX_QUESTIONS = 16

/**
 * The questions of a server for a client.
 * @throws GatewayError `upstream_bad_response` if there are more than a client should have to answer at once
 */
export function notTooMany<T>(route: Route, questions: readonly T[]): readonly T[] {
  if (questions.length <= MAX_QUESTIONS) return questions
  throw badResponse(
    route,
    `it sent ${questions.length} input requests at once; the limit is ${MAX_QUESTIONS}`,
  )
}

/** The error for an answer that the protocol does not allow; `cause` is for the log. */
export function badResponse({ server }: Route, cause: string): GatewayError {
  return new GatewayError('upstream_bad_response', `Server ${server.name} returned an invalid response`, {
    cause: new Error(cause),
    facts: { server: server.name, mayHaveExecuted: true },
  })
}
