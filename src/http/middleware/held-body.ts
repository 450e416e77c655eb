import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NextFunction } from 'express'
import { type HeldBytes, type HeldRequest, memoryOf } from '../../domain/concurrency/held-bytes.ts'

declare module 'node:http' {
  interface IncomingMessage {
    /** The memory that its body takes; undefined for a small one. */
    heldBody?: HeldRequest
  }
}

/** A request whose sender is known to its socket, and its response. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/**
 * Counts the body of a request as held by its tenant until the response is over, before it is read.
 * @returns what the reader of the body calls
 * @throws GatewayError `overloaded` when there is no room for it
 */
export function holdBody(heldBytes: HeldBytes, exchange: Exchange, next: NextFunction): NextFunction {
  const { 'transfer-encoding': coding, 'content-length': length = 0 } = exchange.request.headers
  if (coding !== undefined) return holdAsItComes(heldBytes, exchange, next)
  const body = heldBytes.take(tenantOf(exchange), Number(length))
  if (body !== undefined) hold(exchange, body)
  return next
}

/**
 * Counts what the values in the body take in addition, when it is read and before it is parsed.
 * @throws GatewayError `overloaded` when there is no room for them
 */
export function holdValues(heldBytes: HeldBytes, exchange: Exchange, bytes: Buffer): void {
  const memory = memoryOf(bytes)
  const { heldBody } = exchange.request
  if (heldBody === undefined) {
    const body = heldBytes.take(tenantOf(exchange), memory)
    if (body !== undefined) hold(exchange, body)
  } else if (!heldBody.grow(memory - bytes.length)) throw heldBytes.refusal()
}

function tenantOf({ request: { socket } }: Exchange): string {
  return socket.tenantId ?? ''
}

function hold({ request, response }: Exchange, body: HeldRequest): HeldRequest {
  request.heldBody = body
  body.releaseAfter(response)
  return body
}

function holdAsItComes(heldBytes: HeldBytes, exchange: Exchange, next: NextFunction): NextFunction {
  const { request, response } = exchange
  const body = hold(exchange, heldBytes.begin(tenantOf(exchange)))
  let isRefused = false
  request.on('data', (chunk: Buffer) => {
    if (isRefused || body.grow(chunk.length)) return
    isRefused = true
    // The reader collects the rest of the body.
    response.once('finish', () => request.destroy())
    next(heldBytes.refusal())
  })
  return (error?: unknown) => {
    if (!isRefused) next(error)
  }
}
