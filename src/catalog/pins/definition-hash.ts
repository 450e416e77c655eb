import { createHash } from 'node:crypto'
import { canonicalJson } from '../../domain/json/json.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'

/** A definition never changes once it was listed, so that its hash is made once. */
const known = new WeakMap<NamedItem, string>()

/**
 * SHA-256, in hexadecimal digits, of a definition as its server gave it: name, texts, schemas, annotations, and every
 * other member. The order of members does not count.
 */
export function definitionHash(definition: NamedItem): string {
  const before = known.get(definition)
  if (before !== undefined) return before
  const hash = createHash('sha256').update(canonicalJson(definition)).digest('hex')
  known.set(definition, hash)
  return hash
}
