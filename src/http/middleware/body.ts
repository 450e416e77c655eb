import type { IncomingMessage, ServerResponse } from 'node:http'
import express, { type RequestHandler } from 'express'
import type { HeldBytes } from '../../domain/concurrency/held-bytes.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { bytesProblem } from '../../domain/json/json-scan.ts'
import { withoutByteOrderMark } from '../../domain/text/byte-order-mark.ts'
import { holdBody, holdValues } from './held-body.ts'

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
  // Express gives the verifier four parameters.
  // oxlint-disable-next-line max-params
  const verify = (
    request: IncomingMessage,
    response: ServerResponse,
    bytes: Buffer,
    charset: string,
  ): void => {
    checkBytes(bytes, charset)
    if (heldBytes !== undefined) holdValues(heldBytes, { request, response }, bytes)
  }
  const read = express.json({ limit: maxBodyBytes, inflate: false, strict: true, verify })
  return (request, response, next) => {
    const { bodyBytes } = request
    const exchange = { request, response }
    if (bodyBytes === undefined)
      return read(request, response, heldBytes === undefined ? next : holdBody(heldBytes, exchange, next))
    if (bodyBytes.length > maxBodyBytes) throw tooLarge(bodyBytes.length, maxBodyBytes)
    if (heldBytes !== undefined) holdValues(heldBytes, exchange, bodyBytes)
    request.body = parsedBody(bodyBytes)
    next()
  }
}

declare module 'node:http' {
  interface IncomingMessage {
    /** The whole body, where the direct path has read it before it passed the request on. */
    bodyBytes?: Buffer
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

function checkBytes(bytes: Buffer, charset: string): void {
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
