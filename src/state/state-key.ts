import { createHash } from 'node:crypto'

const COLLECTION = /^[a-z][a-z-]{0,39}$/
const KEY = /^[\x21-\x7e]{1,500}$/
const PREFIX = /^[\x21-\x7e]{0,500}$/
const MAX_VALUE_BYTES = 256 * 1024
/** A longer part stands in the key as its digest, so that a key has room for several. */
const MAX_PART = 120

/**
 * A key of parts, whatever text they are: different parts give different keys, and the key of the first parts, with a
 * `/`, is a prefix of the key of all.
 */
export function stateKey(...parts: readonly string[]): string {
  return parts.map(partOf).join('/')
}

/** A colon stands in no encoded text, so that a digest is never taken for one. */
function partOf(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed())
  return encoded.length > MAX_PART ? `:${createHash('sha256').update(text).digest('base64url')}` : encoded
}

/** @throws RangeError for the name of a collection or a key that no store takes */
export function checkKey(collection: string, key: string): void {
  checkCollection(collection)
  if (!KEY.test(key)) throw new RangeError('the key of a state entry has 1 to 500 printable ASCII characters')
}

/** @throws RangeError for the name of a collection or a prefix that no store takes */
export function checkPrefix(collection: string, prefix: string): void {
  checkCollection(collection)
  if (!PREFIX.test(prefix)) throw new RangeError('the prefix of state keys has printable ASCII characters')
}

/** @throws RangeError for a value that is too large */
export function checkValue(value: string): void {
  const size = Buffer.byteLength(value)
  if (size > MAX_VALUE_BYTES)
    throw new RangeError(`the value of a state entry has ${size} bytes, and may have ${MAX_VALUE_BYTES}`)
}

function checkCollection(collection: string): void {
  if (!COLLECTION.test(collection)) throw new RangeError(`${collection} is not the name of a collection`)
}
