import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/client'
import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import { memoryUpTo } from '../../../domain/json/json-memory.ts'

/** As many as are shown to models. */
const MAX_INSTRUCTIONS = 65_536
/** Of what a server says of itself, and of everything else: a connection keeps it as long as it is open. */
const MAX_BYTES = 64 * 1024
const SHOWN_INFO = ['name', 'title', 'version', 'description']
const MAX_INFO_TEXT = 1000

/** What is wrong with the size of a result that opens a connection, after its texts were cut. */
export const TOO_LARGE = 'capabilities: expected at most 64 KiB, with all other members'

/**
 * A result of `initialize` or `server/discover` with instructions and the description of the server cut to what a connection may
 * keep; undefined if the rest of it is too large.
 */
export function boundedOpening(result: JsonObject): JsonObject | undefined {
  const { instructions, serverInfo, _meta: meta, ...rest } = result
  const kept = isJsonObject(meta) ? boundedMeta(meta) : meta
  if (memoryUpTo(MAX_BYTES, rest) + memoryUpTo(MAX_BYTES, kept) > MAX_BYTES) return undefined
  return {
    ...result,
    ...(typeof instructions === 'string' && { instructions: cut(instructions, MAX_INSTRUCTIONS) }),
    ...(isJsonObject(serverInfo) && { serverInfo: boundedInfo(serverInfo) }),
    ...(meta !== undefined && { _meta: kept }),
  }
}

/** A server of 2026-07-28 says there what it is. */
function boundedMeta(meta: JsonObject): JsonObject {
  const info = meta[SERVER_INFO_META_KEY]
  return isJsonObject(info) ? { ...meta, [SERVER_INFO_META_KEY]: boundedInfo(info) } : meta
}

function boundedInfo(info: JsonObject): JsonObject {
  if (memoryUpTo(MAX_BYTES, info) <= MAX_BYTES) return info
  const shown = SHOWN_INFO.map((name) => [name, info[name]] as const)
  return Object.fromEntries(
    shown.flatMap(([name, text]) => (typeof text === 'string' ? [[name, cut(text, MAX_INFO_TEXT)]] : [])),
  )
}

function cut(text: string, max: number): string {
  // A copy: V8 keeps the whole text for a slice of it.
  return text.length <= max ? text : `${Buffer.from(text.slice(0, max - 1)).toString('utf8')}…`
}
