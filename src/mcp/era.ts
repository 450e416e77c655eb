import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Era } from '../upstream/connection/connection.ts'
import { SKILLS_METHODS } from './abilities.ts'

/**
 * A server's result as a client of `era` may get it. Everything that both eras have in common passes as it is.
 * @param definition of the tool that was called, as the client's list shows it
 */
export function forEra(
  era: Era,
  method: string,
  result: JsonObject,
  definition: JsonObject | undefined,
): JsonObject {
  if (result['resultType'] === 'input_required') return result
  if (method === 'resources/read') return withFreshness(era, result)
  if (SKILLS_METHODS.has(method))
    return era === 'legacy' ? withFreshness(era, result) : withAllFreshness(result)
  if (method === 'tools/call' && era === 'legacy') return withObject(result, definition)
  return result
}

/** Freshness is of the modern era only, and what an upstream lets anyone cache still went through access rules. */
function withFreshness(era: Era, result: JsonObject): JsonObject {
  const { ttlMs, cacheScope: _upstreamScope, ...rest } = result
  if (era === 'legacy') return rest
  return { ...rest, ...(ttlMs !== undefined && { ttlMs }), cacheScope: 'private' }
}

/** The SDK adds what is missing only to results of methods that it knows. */
function withAllFreshness(result: JsonObject): JsonObject {
  return { ttlMs: 0, ...withFreshness('modern', result) }
}

/**
 * Up to 2025-11-25 structured content is an object. The SDK lists an output schema of anything else as one of an
 * object with the member `result`, and leaves it to us to give results the same form.
 */
function withObject(result: JsonObject, definition: JsonObject | undefined): JsonObject {
  const { structuredContent } = result
  if (structuredContent === undefined) return result
  const schema = definition?.['outputSchema']
  const isListedWrapped = isJsonObject(schema) && schema['type'] !== 'object'
  if (isJsonObject(structuredContent) && !isListedWrapped) return result
  return { ...result, structuredContent: { result: structuredContent } }
}
