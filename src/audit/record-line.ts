import { crc32 } from 'node:zlib'
import { storedRecordSchema } from './stored-record-schema.ts'
import type { StoredRecord } from './usage-record.ts'

const CHECKSUM = '{"crc":"'
const CHECKSUM_DIGITS = 8
const BEFORE_REST = '",'
const REST = CHECKSUM.length + CHECKSUM_DIGITS + BEFORE_REST.length

/** A record as one line of text, without its end: JSON that begins with the CRC-32 of what follows it. */
export function lineOf(record: StoredRecord): string {
  const rest = JSON.stringify(record).slice(1)
  return `${CHECKSUM}${checksumOf(rest)}${BEFORE_REST}${rest}`
}

/** Whether a line is as it was written. Lines of earlier versions have no checksum: they are if they are records. */
export function isIntact(line: string): boolean {
  if (!line.startsWith(CHECKSUM)) return recordOf(line) !== undefined
  const checksum = line.slice(CHECKSUM.length, CHECKSUM.length + CHECKSUM_DIGITS)
  return checksum === checksumOf(line.slice(REST))
}

/** The record of a line; undefined if it is not one. */
export function recordOf(line: string): StoredRecord | undefined {
  try {
    return storedRecordSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_DIGITS, '0')
}
