import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import type { AskRest, RestAnswer, RestRequest } from '../dashboard/visit/rest-client.ts'
import type { Identity } from '../identity/identity.ts'

/**
 * Makes the function that answers requests of pages through the REST routes, without a socket and without a token, because
 * the caller is already authenticated. All other checks, decisions and records are the same as for any request.
 * @param routes everything after the authentication, in order
 */
export function restInside(routes: readonly (RequestHandler | ErrorRequestHandler)[]): AskRest {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', 'simple')
  for (const route of routes) app.use(route)
  return (identity, request, signal) => {
    const { promise, resolve } = Promise.withResolvers<RestAnswer>()
    const asked = requestOf(request)
    app(asked, responseTo(asked, identity, { signal, resolve }))
    return promise
  }
}

function requestOf({ method, path, headers = {}, body }: RestRequest): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  if (body !== undefined) request.bodyBytes = Buffer.from(JSON.stringify(body))
  return Object.assign(request, { method, url: path, headers: { accept: 'application/json', ...headers } })
}

/** Collects the response; it closes when it is complete, or when the caller has disconnected. */
function responseTo(
  request: IncomingMessage,
  identity: Identity,
  { signal, resolve }: { signal: AbortSignal; resolve: (answer: RestAnswer) => void },
): ServerResponse {
  const response = new ServerResponse(request)
  const chunks: Buffer[] = []
  const close = (): void => void response.emit('close')
  signal.addEventListener('abort', close, { once: true })
  return Object.assign(response, {
    locals: { identity, requestId: identity.requestId },
    write: (chunk: string | Buffer) => chunks.push(Buffer.from(chunk)) > 0,
    end: (chunk?: string | Buffer) => {
      if (chunk !== undefined) chunks.push(Buffer.from(chunk))
      signal.removeEventListener('abort', close)
      const text = Buffer.concat(chunks).toString()
      resolve({ status: response.statusCode, headers: response.getHeaders(), text })
      close()
      return response
    },
  })
}
