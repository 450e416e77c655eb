import type { Response } from 'express'
import { ERRORS } from '../domain/errors/error-table.ts'
import type { GatewayError } from '../domain/errors/errors.ts'
import { retryAfterOf } from '../domain/errors/retry-after.ts'
import type { JsonObject } from '../domain/json/json.ts'

const ERRORS_PATH = '/errors'

/** Where the pages of errors are for clients. */
export function errorsAt(publicUrl: string): string {
  return `${publicUrl.replace(/\/$/, '')}${ERRORS_PATH}`
}

/**
 * The problem details of an error (RFC 9457): what callers see over REST.
 * @param pages where the pages of errors are; `type` leads to that of the error
 */
export function problemOf(
  error: GatewayError,
  requestId: string | undefined,
  pages = ERRORS_PATH,
): JsonObject & { status: number } {
  const { status, title, retryable } = ERRORS[error.code]
  return {
    type: `${pages}/${error.code}`,
    title,
    status,
    ...(error.message !== title && { detail: error.message }),
    code: error.code,
    retryable,
    ...(requestId !== undefined && { requestId }),
    ...error.facts,
  }
}

/** Sets the headers that an error requires, independent of the form of the body. */
export function setErrorHeaders(response: Response, error: GatewayError): void {
  const seconds = retryAfterOf(error)
  if (seconds !== undefined) response.setHeader('Retry-After', seconds)
}

/** Ends a response with problem details. */
export function sendProblem(response: Response, error: GatewayError, requestId: string | undefined): void {
  const problem = problemOf(error, requestId, pagesFor(response))
  setErrorHeaders(response, error)
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

/** Where the pages of errors are, as the application of a response says. */
export function pagesFor({ app }: Pick<Response, 'app'>): string | undefined {
  const pages: unknown = app.locals['errorsAt']
  return typeof pages === 'string' ? pages : undefined
}
