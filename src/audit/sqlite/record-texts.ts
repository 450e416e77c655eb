import { START_LENGTH } from '../record-line.ts'

const NEWLINE = 0x0a
const COMMA = 0x2c
const BRACE = 0x7b
/** How `lineOf` begins a line. */
const CHECKSUM_START = Buffer.from('{"crc":"')

/**
 * Calls `take` with the JSON text of the record in each line of `lineOf`, without its checksum, and returns the lines for
 * which it was false. It changes the bytes.
 */
export function takeTexts(bytes: Buffer, take: (text: string) => boolean): string[] {
  const refused: string[] = []
  let start = 0
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const comma = start + START_LENGTH - 1
    const hasChecksum = comma < end && bytes[comma] === COMMA && startsWithChecksum(bytes, start)
    // A text that is cut out of a line and put behind a brace would be copied twice more.
    if (hasChecksum) bytes[comma] = BRACE
    if (!take(bytes.toString('utf8', hasChecksum ? comma : start, end))) {
      if (hasChecksum) bytes[comma] = COMMA
      refused.push(bytes.toString('utf8', start, end))
    }
    start = end + 1
  }
  return refused
}

function startsWithChecksum(bytes: Buffer, start: number): boolean {
  for (let at = 0; at < CHECKSUM_START.length; at += 1)
    if (bytes[start + at] !== CHECKSUM_START[at]) return false
  return true
}
