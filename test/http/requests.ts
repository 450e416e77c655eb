import type { Response } from 'supertest'
import { checkDescribed } from '../support/shared/described-response.ts'
import { initialize } from '../support/raw-mcp.ts'
import type { TestApp } from '../support/test-app.ts'

/** A request of a client, as it is sent. */
export interface Sent {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'options' | 'head'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Where clients without a token are led to. */
export const METADATA = 'http://127.0.0.1:8080/.well-known/oauth-protected-resource'

/** Sends a request; every status is an answer, if it is as the document of the API describes it. */
export async function send(app: TestApp, { method, path, headers, body }: Sent): Promise<Response> {
  const response = await app.request[method](path)
    .set(headers)
    .ok(() => true)
    .serialize((bytes: unknown) => bytes as string)
    .send(body)
  const { status, type: contentType } = response
  checkDescribed({ method, path, status, contentType, body: response.body as unknown })
  return response
}

/** The code of a problem of REST or of an error of JSON-RPC, and its message. */
export function errorOf({ status, body }: Response): [status: number, code: unknown, message: unknown] {
  const { code, detail, title, error } = body as {
    code?: string
    detail?: string
    title?: string
    error?: { message: string; data: { code: string } }
  }
  return error === undefined ? [status, code, detail ?? title] : [status, error.data.code, error.message]
}

/** The headers of a client that sends JSON. */
export function headersOf(token: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  }
}

/** A request of REST with nothing wrong but that there is no such tool. */
export function restRequest(token: string): Sent {
  return { method: 'post', path: '/v1/tools/off_x', headers: headersOf(token), body: '{}' }
}

/** A request of MCP with nothing wrong. */
export function mcpRequest(token: string): Sent {
  return { method: 'post', path: '/mcp', headers: headersOf(token), body: JSON.stringify(initialize(7)) }
}

/** The request with further headers. */
export function withHeaders(sent: Sent, headers: Record<string, string>): Sent {
  return { ...sent, headers: { ...sent.headers, ...headers } }
}

/** The request without a header. */
export function without(sent: Sent, name: string): Sent {
  const { [name]: _gone, ...headers } = sent.headers
  return { ...sent, headers }
}
