import express, { type RequestHandler } from 'express'
import { GatewayError } from '../domain/errors.ts'
import { isDeeperThan, MAX_JSON_DEPTH } from '../domain/json.ts'

/** Refuses bodies that are not JSON before anything reads them. */
export const requireJson: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  if (hasBody && !request.is('application/json')) throw unsupported(request.get('content-type'))
  next()
}

/** Reads JSON bodies up to `maxBodyBytes`; compressed bodies are refused, for their real size is not known. */
export function readJson(maxBodyBytes: number): RequestHandler {
  return express.json({ limit: maxBodyBytes, inflate: false, strict: true })
}

/** Refuses bodies that nest so deeply that reading or writing them could exhaust the stack. */
export const requireShallow: RequestHandler = (request, _response, next) => {
  if (isDeeperThan(request.body, MAX_JSON_DEPTH)) {
    throw new GatewayError('invalid_request', `The body nests more than ${MAX_JSON_DEPTH} levels deep`)
  }
  next()
}

function unsupported(contentType: string | undefined): GatewayError {
  const came = contentType === undefined ? 'missing' : JSON.stringify(contentType.slice(0, 128))
  return new GatewayError('unsupported_media_type', `Content-Type is ${came}; expected application/json`)
}
