import express, { type RequestHandler } from 'express'
import type { HeldBytes } from '../../domain/concurrency/held-bytes.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'

const FORM = 'application/x-www-form-urlencoded'

/**
 * Reads the form of a request as text, and counts it as held by the tenant of the browser session until the response is
 * over; one without a length counts as much as it may have.
 * @param maxBytes bytes that a form may have
 * @throws GatewayError `payload_too_large`; `overloaded` when there is no room for it; `invalid_request` for one that
 *   cannot be read
 */
export function readForm(maxBytes: number, heldBytes: HeldBytes): RequestHandler {
  const read = express.text({ type: FORM, limit: maxBytes, inflate: false })
  return (request, response, next) => {
    const { principal } = response.locals.browserSession ?? {}
    if (principal === undefined) throw new GatewayError('missing_token')
    if (request.is(FORM) === false) return next()
    const { 'content-length': stated, 'transfer-encoding': coding } = request.headers
    const bytes = coding === undefined ? Number(stated ?? 0) : maxBytes
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    const held = heldBytes.take(principal.tenantId, bytes)
    held?.releaseAfter(response)
    read(request, response, (error?: unknown) => next(error && problemOf(error, maxBytes)))
  }
}

function problemOf(thrown: unknown, maxBytes: number): GatewayError {
  if (isJsonObject(thrown) && thrown['type'] === 'entity.too.large') return tooLarge(maxBytes)
  return new GatewayError('invalid_request', 'The form could not be read', { cause: thrown })
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('payload_too_large', `A form of this page has at most ${maxBytes} bytes`)
}
