import { randomBytes } from 'node:crypto'

const processId = randomBytes(8).toString('hex')
let issued = 0

/** An id for a record of an attempt at `nowMs`: unique across processes, and sorting by time, then by order. */
export function newRecordId(nowMs: number): string {
  issued = (issued + 1) % 0x1000000
  return `${nowMs.toString(16).padStart(12, '0')}-${issued.toString(16).padStart(6, '0')}-${processId}`
}
