import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { headerText } from '../../domain/text/header-text.ts'

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
/** The parameter that `Mcp-Name` repeats (MCP 2026-07-28, Streamable HTTP, standard headers). */
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** A message of the client: the line as it came, and what its way to the server depends on. */
export interface ClientMessage {
  readonly line: string
  /** Undefined for responses and batches. */
  readonly method: string | undefined
  /** Undefined for what has no response. */
  readonly id: unknown
  readonly params: JsonObject
  /** The revision that the message names: only those of the modern era name one. */
  readonly revision: string | undefined
}

/** Reads a line; undefined if it is not JSON. */
export function clientMessage(line: string): ClientMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const message = isJsonObject(value) ? value : {}
  const { method, id } = message
  const params = isJsonObject(message['params']) ? message['params'] : {}
  const meta = isJsonObject(params['_meta']) ? params['_meta'] : {}
  const revision = meta[VERSION_KEY]
  return {
    line,
    method: typeof method === 'string' ? method : undefined,
    id: typeof method === 'string' ? id : undefined,
    params,
    revision: typeof revision === 'string' ? revision : undefined,
  }
}

/** The headers of a modern message that repeat what is in it. */
export function modernHeaders({ method, params, revision }: ClientMessage): Record<string, string> {
  if (revision === undefined || method === undefined) return {}
  const name = params[NAMED_BY[method] ?? '']
  return {
    'mcp-protocol-version': revision,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': headerText(name) }),
  }
}

/** JSON as one line. Line breaks stand between the tokens of JSON only, so that it stays the same. */
export function oneLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ').trim()
}

/** The response that tells a client why its request has no other. */
export function errorResponse(id: unknown, message: string, code = -32_000): string {
  return JSON.stringify({ jsonrpc: '2.0', id: id ?? null, error: { code, message } })
}

/** The response with this id that a text is; undefined if it is any other message. */
export function responseIn(json: string, id: unknown): JsonObject | undefined {
  try {
    const message: unknown = JSON.parse(json)
    const isIt = isJsonObject(message) && message['method'] === undefined && message['id'] === id
    return isIt ? message : undefined
  } catch {
    return undefined
  }
}
