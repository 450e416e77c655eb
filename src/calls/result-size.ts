import type { JsonObject } from '../domain/json/json.ts'
import { jsonOf } from './plain/serialized-answer.ts'
import type { Answer } from './stage.ts'

/** Serializing a large result takes time, so its size is cached. */
const measured = new WeakMap<JsonObject, number>()

/**
 * Bytes of a result as JSON. A result that cannot be written as JSON cannot be passed on either.
 * @throws GatewayError `upstream_bad_response`
 */
export function sizeOf(answer: Answer): number {
  if (answer.raw !== undefined) return answer.raw.size
  const { result, route } = answer
  const known = measured.get(result)
  if (known !== undefined) return known
  return Buffer.byteLength(answer.json ?? jsonOf(result, route))
}

/** Like `sizeOf`, and caches the size for later stages. */
export function measure(answer: Answer): number {
  if (answer.raw !== undefined) return answer.raw.size
  const bytes = sizeOf(answer)
  measured.set(answer.result, bytes)
  return bytes
}
