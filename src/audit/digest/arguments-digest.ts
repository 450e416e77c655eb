import { canonicalJson } from '../../domain/json/json.ts'
import { hmacSha256 } from './hmac-sha256.ts'

/**
 * Makes the function that computes the digest of arguments under a key: HMAC-SHA-256, in hexadecimal, over the canonical
 * form of JSON text; over the text itself if it is not JSON.
 */
export function argumentsDigest(key: Uint8Array): (argumentsText: string, isCanonical?: boolean) => string {
  const hmac = hmacSha256(key)
  return (text, isCanonical = false) => hmac(isCanonical ? text : canonical(text))
}

function canonical(text: string): string {
  try {
    return canonicalJson(JSON.parse(text))
  } catch {
    // Not JSON, or nested too deeply to be sorted.
    return text
  }
}
