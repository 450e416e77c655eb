import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { sendProblem, setErrorHeaders } from '../../rest/problem.ts'
import { ERRORS } from '../../domain/errors/error-table.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { MAX_ID_LENGTH } from '../../mcp/message.ts'
import { jsonRpcErrorOf } from '../../mcp/protocol-error.ts'
import type { Clock } from '../../domain/clock.ts'
import type { RefusalTiming } from '../../domain/errors/refusal-timing.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { tooLarge } from './body.ts'
import { requestIdOf } from '../../identity/identity.ts'

const PARSE_ERROR = -32700

interface ErrorOptions {
  readonly refusalTiming: RefusalTiming
  readonly clock: Clock
  readonly logger: Logger
}

/** Answers requests that no route handles. */
export const notFound: RequestHandler = (request) => {
  throw nothingAt(request)
}

/** The error for a path or method that the gateway does not serve. */
export function nothingAt({ method, path }: Request): GatewayError {
  return new GatewayError('not_found', `No route matches ${method} ${path.slice(0, 256)}`)
}

/** The last stop of every error: JSON-RPC on the MCP paths, problem details elsewhere; never a stack or a path. */
export function errorHandler(options: ErrorOptions): ErrorRequestHandler {
  const { logger } = options
  // Express tells error handlers by their four parameters.
  // oxlint-disable-next-line max-params
  return async (thrown: unknown, request, response, _next) => {
    const error = fromExpress(thrown) ?? toGatewayError(thrown)
    const requestId = requestIdOf(response)
    if (error.code === 'internal')
      logger.error({ err: error.cause ?? error, requestId }, 'request failed in the gateway')
    const wait = waitFor(options, error, { request, response })
    if (wait !== undefined) await wait
    if (response.headersSent) {
      response.destroy()
    } else if (isMcpPath(request.path)) {
      const { code, message, data } = jsonRpcErrorOf(error, 'legacy')
      const isUnreadable = error.cause instanceof SyntaxError
      setErrorHeaders(response, error)
      response.status(ERRORS[error.code].status).json({
        jsonrpc: '2.0',
        id: idIn(request.body),
        error: { code: isUnreadable ? PARSE_ERROR : code, message, data },
      })
    } else {
      sendProblem(response, error, requestId)
    }
  }
}

/** Resolves when the error may be sent, if its timing must reveal nothing. */
function waitFor(
  { refusalTiming, clock }: ErrorOptions,
  error: GatewayError,
  { request: { arrivedAt = clock.monotonic() }, response }: { request: Request; response: Response },
): Promise<void> | undefined {
  const gone = new AbortController()
  const wait = refusalTiming.wait(error, { arrivedAt, signal: gone.signal })
  if (wait !== undefined) response.once('close', () => gone.abort())
  return wait
}

/** The id of the request that failed, where it could be read and is no longer than ids may be (JSON-RPC 2.0 §5). */
function idIn(body: unknown): string | number | null {
  const id = isJsonObject(body) ? body['id'] : undefined
  return typeof id === 'number' || (typeof id === 'string' && id.length <= MAX_ID_LENGTH) ? id : null
}

function isMcpPath(path: string): boolean {
  return /^\/(mcp|sse|messages)(\/|$)/.test(path)
}

/** Errors of Express itself: paths that cannot be decoded, and bodies that cannot be read, told apart by `type`. */
function fromExpress(thrown: unknown): GatewayError | undefined {
  if (thrown instanceof URIError) return new GatewayError('invalid_request', 'The path is not valid')
  if (!isJsonObject(thrown) || typeof thrown['type'] !== 'string') return undefined
  switch (thrown['type']) {
    case 'entity.too.large':
      return tooLarge(numberOf(thrown['length']), numberOf(thrown['limit']))
    case 'entity.parse.failed':
      return new GatewayError('invalid_request', 'The body is not valid JSON', {
        cause: new SyntaxError('body'),
      })
    case 'charset.unsupported':
      return new GatewayError(
        'unsupported_media_type',
        `The charset of the body is ${shown(thrown['charset'])}; expected utf-8`,
      )
    case 'encoding.unsupported':
      return new GatewayError(
        'unsupported_media_type',
        `The content encoding of the body is ${shown(thrown['encoding'])}; send the body without an encoding`,
      )
    case 'request.aborted':
    case 'request.size.invalid':
      return new GatewayError('invalid_request', 'The body ended early')
    default:
      return undefined
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 64))
}
