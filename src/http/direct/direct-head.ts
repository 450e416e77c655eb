import type { IncomingMessage } from 'node:http'
import { headerProblem } from '../middleware/head-checks.ts'

/** Larger bodies take the general path, which applies the limit of the settings. */
const MAX_BODY_BYTES = 64 * 1024
const MCP_PATH = /^\/mcp(?:\/([a-z][a-z0-9-]{0,39}))?$/
/** Where clients of HTTP with SSE post, as their `endpoint` event says. */
const MESSAGES_PATH = /^\/messages\?replica=\d{1,10}&sessionId=([0-9a-f-]{36})$/
const TOOL_PATH = /^\/v1\/tools\/([A-Za-z0-9_.-]{1,200})$/
const BEARER = 'Bearer '
const CONTENT_TYPES = new Set(['application/json', 'application/json; charset=utf-8'])
/** How clients of MCP write what they accept (MCP 2025-11-25, Streamable HTTP). */
const MCP_ACCEPTS = 'application/json, text/event-stream'
const REST_ACCEPTS = new Set([undefined, '*/*', 'application/json', 'application/json, */*'])
/** Headers of requests that need the general path. */
const UNUSUAL = [
  'origin',
  'via',
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  'prefer',
  'last-event-id',
  'x-agent-name',
] as const

/** The head of a request that may take the direct path. */
export interface DirectHead {
  readonly path: string
  /** The one server that an MCP request addresses; undefined for all. */
  readonly scope: string | undefined
  /** The tool that a REST request calls; undefined for MCP. */
  readonly toolId: string | undefined
  /** The session of HTTP with SSE that a message is posted to. */
  readonly postedTo: string | undefined
  readonly token: string
  /** Bytes of the body. */
  readonly length: number
}

/**
 * Reads the head of a request; undefined unless it is clearly one that the direct path serves. The general path serves or
 * refuses everything else.
 */
export function directHead(request: IncomingMessage): DirectHead | undefined {
  const { method, url = '', headers } = request
  const place = method === 'POST' ? placeOf(url) : undefined
  if (place === undefined || !isPlainHead(request) || !accepts(headers.accept, place)) return undefined
  const token = tokenIn(headers.authorization)
  const length = Number(headers['content-length'])
  if (token === undefined || !(length > 0 && length <= MAX_BODY_BYTES)) return undefined
  const { scope, toolId, postedTo } = place
  return { path: url, scope, toolId, postedTo, token, length }
}

/** The token, if there is one and nothing else. Without a regular expression, which takes long for a long token. */
function tokenIn(authorization = ''): string | undefined {
  if (!authorization.startsWith(BEARER) || authorization.length === BEARER.length) return undefined
  const token = authorization.slice(BEARER.length)
  return token.includes(' ') || token.includes(',') || token.includes('\t') ? undefined : token
}

type Place = Pick<DirectHead, 'scope' | 'toolId' | 'postedTo'>

/** The address of almost all requests, for which no expression has to run. */
const ALL_SERVERS = '/mcp'
const AT_ALL_SERVERS: Place = { scope: undefined, toolId: undefined, postedTo: undefined }

function placeOf(url: string): Place | undefined {
  if (url === ALL_SERVERS) return AT_ALL_SERVERS
  const mcp = MCP_PATH.exec(url)
  if (mcp !== null) return { scope: mcp[1], toolId: undefined, postedTo: undefined }
  const tool = TOOL_PATH.exec(url)
  if (tool !== null) return { scope: undefined, toolId: tool[1], postedTo: undefined }
  const messages = MESSAGES_PATH.exec(url)
  return messages === null ? undefined : { scope: undefined, toolId: undefined, postedTo: messages[1] }
}

function isPlainHead({ headers, rawHeaders }: IncomingMessage): boolean {
  if (!CONTENT_TYPES.has(headers['content-type'] ?? '')) return false
  for (const name of UNUSUAL) if (headers[name] !== undefined) return false
  return headerProblem(rawHeaders) === undefined
}

function accepts(accept: string | undefined, { toolId, postedTo }: Place): boolean {
  // The answer to a posted message has no body that a client could refuse.
  if (postedTo !== undefined) return true
  return toolId === undefined ? accept === MCP_ACCEPTS : REST_ACCEPTS.has(accept)
}
