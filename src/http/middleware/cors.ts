import type { RequestHandler, Response } from 'express'

/** Tells whether requests of pages at that origin are served. */
export type IsAllowedOrigin = (origin: string) => boolean

const METHODS = 'GET, HEAD, POST, PUT, DELETE'
/** Request headers of clients, in addition to those that a browser lets every page send. */
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Accept',
  'Last-Event-ID',
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'X-Agent-Name',
  'X-Client-Name',
  'X-Request-Id',
  'If-Match',
  'If-None-Match',
  'Prefer',
  'Cache-Control',
  'traceparent',
  'tracestate',
  'baggage',
]
/** MCP has headers whose names a tool's schema makes (`Mcp-Param-*`), so that these cannot be listed. */
const OF_MCP = /^mcp-[a-z0-9_-]{1,128}$/
const MAX_REFLECTED = 64
/** Response headers that pages may read. */
const ANSWER_HEADERS = [
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'WWW-Authenticate',
  'X-Request-Id',
  'Retry-After',
  'ETag',
  'Location',
  'Allow',
  'Preference-Applied',
].join(', ')
/** The longest that browsers remember a preflight. */
const MAX_AGE_SECONDS = 7200

/**
 * Lets pages of the allowed origins read every answer, refusals included; must precede everything that can refuse.
 * Tokens are sent in a header that a page sets itself, so credentials are never allowed (Fetch, CORS protocol).
 */
export function cors(isAllowed: IsAllowedOrigin): RequestHandler {
  return ({ headers: { origin } }, response, next) => {
    response.vary('Origin')
    if (origin !== undefined && isAllowed(origin)) share(response, origin)
    next()
  }
}

/** Lets pages of every origin read an answer, for public documents. */
export const corsForAll: RequestHandler = (_request, response, next) => {
  share(response, '*')
  next()
}

/** Answers preflights, which have no token; used after the checks of host and origin. */
export const preflight: RequestHandler = ({ method, headers }, response, next) => {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return next()
  response.vary('Access-Control-Request-Headers')
  response.set({
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': headersFor(headers['access-control-request-headers']),
    'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
  })
  if (headers['access-control-request-private-network'] === 'true')
    response.set('Access-Control-Allow-Private-Network', 'true')
  response.status(204).end()
}

function share(response: Response, origin: string): void {
  response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': ANSWER_HEADERS })
}

function headersFor(asked = ''): string {
  const known = new Set(REQUEST_HEADERS.map((name) => name.toLowerCase()))
  const ofMcp = asked
    .split(',', MAX_REFLECTED)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => OF_MCP.test(name) && !known.has(name))
  return [...REQUEST_HEADERS, ...new Set(ofMcp)].join(', ')
}
