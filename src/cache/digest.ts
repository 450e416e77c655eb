import { createHash } from 'node:crypto'
import { canonicalJson } from '../domain/json/json.ts'

/** SHA-256, in hex, of JSON values in order. */
export function digestOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(canonicalJson(parts)).digest('hex')
}
