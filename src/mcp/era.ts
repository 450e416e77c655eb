import type { Method } from '../calls/methods.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Era } from '../upstream/connection/connection.ts'

/**
 * Converts a server's result for a client of `era`. Everything that both eras share passes unchanged.
 * @param definition of the tool that was called, as the client's list has it
 */
export function forEra(
  era: Era,
  method: Method,
  result: JsonObject,
  definition: JsonObject | undefined,
): JsonObject {
  if (result['resultType'] === 'input_required') return result
  if (method.freshness === 'always' && era === 'modern') return withAllFreshness(result)
  if (method.freshness !== undefined) return withFreshness(era, result)
  if (method.runsTool !== true) return result
  return era === 'legacy' ? withObject(result, definition) : withContent(result)
}

/**
 * Many servers omit `content` if they send `structuredContent`. Clients of earlier revisions take that for an empty list;
 * in 2026-07-28 it is required, and its clients refuse the whole result.
 */
function withContent(result: JsonObject): JsonObject {
  const { content, resultType, task } = result
  const isOther = task !== undefined || (resultType !== undefined && resultType !== 'complete')
  if (isOther || (content !== undefined && content !== null)) return result
  return { ...result, content: [] }
}

/**
 * Only the modern era has freshness. Results are always private: they have passed access rules, even if the upstream
 * allows shared caching.
 */
function withFreshness(era: Era, result: JsonObject): JsonObject {
  const { ttlMs, cacheScope: _upstreamScope, ...rest } = result
  if (era === 'legacy') return rest
  return { ...rest, ...(ttlMs !== undefined && { ttlMs }), cacheScope: 'private' }
}

/** The SDK adds missing freshness only to results of methods that it knows. */
function withAllFreshness(result: JsonObject): JsonObject {
  return { ttlMs: 0, ...withFreshness('modern', result) }
}

/**
 * Up to 2025-11-25 structured content must be an object. The SDK lists any other output schema as an object with the
 * member `result`, and expects results in the same form.
 */
function withObject(result: JsonObject, definition: JsonObject | undefined): JsonObject {
  const { structuredContent } = result
  if (structuredContent === undefined) return result
  const schema = definition?.['outputSchema']
  const isListedWrapped = isJsonObject(schema) && schema['type'] !== 'object'
  if (isJsonObject(structuredContent) && !isListedWrapped) return result
  return { ...result, structuredContent: { result: structuredContent } }
}
