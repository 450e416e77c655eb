import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { type HeldBytes, type HeldRequest, noRoom } from '../../domain/concurrency/held-bytes.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { bytesProblem } from '../../domain/json/json-scan.ts'
import { identityOf } from '../../identity/identity.ts'
import { withoutByteOrderMark } from '../../domain/text/byte-order-mark.ts'

/** A common way to write utf-8, which the parser of bodies does not know. */
const UTF8_ALIAS = /(;\s{0,8}charset=)"?utf8"?(?=\s{0,8}(?:;|$))/i

/** Refuses bodies that are not JSON before anything reads them. */
export const requireJson: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  const contentType = request.get('content-type')
  if (hasBody && !request.is('application/json')) throw unsupported(contentType)
  if (contentType !== undefined) request.headers['content-type'] = contentType.replace(UTF8_ALIAS, '$1utf-8')
  next()
}

/**
 * Reads JSON bodies up to `maxBodyBytes`; compressed bodies are refused, for their real size is not known. So is,
 * before it is read, what is not UTF-8, and what would take long to read: too many members, or too deep.
 */
export function readJson(maxBodyBytes: number, heldBytes?: HeldBytes): RequestHandler {
  const read = express.json({ limit: maxBodyBytes, inflate: false, strict: true, verify: checkBytes })
  return (request, response, next) => {
    const { bodyBytes } = request
    if (bodyBytes === undefined)
      return read(
        request,
        response,
        heldBytes === undefined ? next : held(heldBytes, request, response, next),
      )
    if (bodyBytes.length > maxBodyBytes) throw tooLarge(bodyBytes.length, maxBodyBytes)
    request.body = parsedBody(bodyBytes)
    next()
  }
}

/**
 * Counts the body of a request as held by its tenant until the response is over.
 * @returns what the reader of the body calls
 * @throws GatewayError `overloaded` when there is no room for it
 */
// Those of a middleware, and what it is for.
// oxlint-disable-next-line max-params
function held(heldBytes: HeldBytes, request: Request, response: Response, next: NextFunction): NextFunction {
  const { tenantId } = identityOf(response).principal
  const isChunked = request.headers['transfer-encoding'] !== undefined
  const length = Number(request.headers['content-length'] ?? 0)
  const body = isChunked ? heldBytes.begin(tenantId) : heldBytes.take(tenantId, length)
  if (body === undefined) return next
  request.heldBody = body
  response.once('close', () => body.release())
  return isChunked ? heldAsItComes(body, request, response, next) : next
}

/** The same for a body that does not state its length. */
// oxlint-disable-next-line max-params
function heldAsItComes(
  body: HeldRequest,
  request: Request,
  response: Response,
  next: NextFunction,
): NextFunction {
  let isRefused = false
  request.on('data', (chunk: Buffer) => {
    if (isRefused || body.grow(chunk.length)) return
    isRefused = true
    // Its reader gathers what is still to come.
    response.once('finish', () => request.destroy())
    next(noRoom())
  })
  return (error?: unknown) => {
    if (!isRefused) next(error)
  }
}

declare module 'node:http' {
  interface IncomingMessage {
    /** The whole body, where the direct path has read it before it passed the request on. */
    bodyBytes?: Buffer
    /** What its body holds of the memory for large requests; undefined for a small one. */
    heldBody?: HeldRequest
  }
}

function parsedBody(bytes: Buffer): unknown {
  const problem = bytesProblem(bytes)
  if (problem !== undefined) throw problem
  const text = withoutByteOrderMark(bytes.toString()) // as the parser of Express does
  try {
    if (/^\s*[[{]/.test(text)) return JSON.parse(text)
  } catch {
    // Answered below, like what is neither an object nor a list.
  }
  throw new GatewayError('invalid_request', 'The body is not valid JSON', { cause: new SyntaxError('body') })
}

// Express gives the verifier four parameters.
// oxlint-disable-next-line max-params
function checkBytes(_request: unknown, _response: unknown, bytes: Buffer, charset: string): void {
  if (charset !== 'utf-8')
    throw new GatewayError('invalid_request', `The charset of the body is ${charset}; expected utf-8`)
  const problem = bytesProblem(bytes)
  if (problem !== undefined) throw problem
}

function unsupported(contentType: string | undefined): GatewayError {
  const came = contentType === undefined ? 'missing' : JSON.stringify(contentType.slice(0, 128))
  return new GatewayError('unsupported_media_type', `Content-Type is ${came}; expected application/json`)
}

/** The error for a body of so many bytes. */
export function tooLarge(bytes: number | undefined, max: number | undefined): GatewayError {
  const has = bytes === undefined ? '' : `has ${bytes} bytes; `
  return max === undefined
    ? new GatewayError('payload_too_large')
    : new GatewayError('payload_too_large', `The body ${has}MAX_BODY_BYTES is ${max}`)
}
