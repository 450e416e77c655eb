import { crc32 } from 'node:zlib'
import { jsonIn } from '../domain/json/json.ts'
import { readRecord } from './read-record.ts'
import type { StoredRecord } from './usage-record.ts'

const BYTES = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))
/** Characters in front of the first field of a record: the checksum and its comma. */
export const START_LENGTH = startOf('').length
/** How lines of earlier versions begin, which have no checksum. */
const WITHOUT_CHECKSUM = '{"id":"'

/** A record as one line of text, without its end: JSON that begins with the CRC-32 of what follows it. */
export function lineOf(record: StoredRecord): string {
  const rest = JSON.stringify(record).slice(1)
  return startOf(rest) + rest
}

/** Whether a line is as it was written. Lines of earlier versions are if they are records. */
export function isIntact(line: string): boolean {
  if (line.startsWith(WITHOUT_CHECKSUM)) return recordInLine(line) !== undefined
  return line.length > START_LENGTH && line.startsWith(startOf(line.slice(START_LENGTH)))
}

/** The record of a line; undefined if it is not one. */
export function recordInLine(line: string): StoredRecord | undefined {
  return readRecord(jsonIn(line)).record
}

function startOf(rest: string): string {
  return `{"crc":"${hex32(crc32(rest))}",`
}

/** The eight hexadecimal digits of a number of 32 bits; `toString(16)` takes ten times as long. */
export function hex32(value: number): string {
  return byte(value >>> 24) + byte(value >>> 16) + byte(value >>> 8) + byte(value)
}

function byte(value: number): string {
  return BYTES[value & 0xff] ?? ''
}
