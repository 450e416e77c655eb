import { createHmac, type KeyObject } from 'node:crypto'
import { canonicalJson } from '../../domain/json/json.ts'

/** HMAC-SHA-256, in hexadecimal, over the canonical form of JSON text; over the text itself if it is not JSON. */
export function argumentsDigest(key: KeyObject, argumentsText: string): string {
  return createHmac('sha256', key).update(canonical(argumentsText)).digest('hex')
}

function canonical(text: string): string {
  try {
    return canonicalJson(JSON.parse(text))
  } catch {
    // Not JSON, or nested too deeply to be sorted.
    return text
  }
}
