import { randomBytes } from 'node:crypto'

const processId = randomBytes(8).toString('hex')
let issued = 0
/** The start of the ids of one millisecond, which many calls share. */
let start = { atMs: Number.NaN, text: '' }

/** An id for a record of an attempt at `nowMs`: unique across processes, and sorting by time, then by order. */
export function newRecordId(nowMs: number): string {
  issued = (issued + 1) % 0x1000000
  if (nowMs !== start.atMs) start = { atMs: nowMs, text: nowMs.toString(16).padStart(12, '0') }
  return `${start.text}-${issued.toString(16).padStart(6, '0')}-${processId}`
}
