import { createHmac, type KeyObject } from 'node:crypto'
import { canonicalJson } from '../../domain/json/json.ts'
import type { StoredRecord, WritableRecord } from '../usage-record.ts'

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

/** The record as it is stored: the digest in the place of the arguments. */
export function digested(key: KeyObject, record: WritableRecord): StoredRecord {
  if (!('argumentsText' in record)) return record
  const { argumentsText, ...rest } = record
  return { ...rest, argumentsDigest: argumentsDigest(key, argumentsText) }
}
