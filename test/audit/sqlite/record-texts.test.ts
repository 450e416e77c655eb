import { expect, test } from '@jest/globals'
import { takeTexts } from '../../../src/audit/sqlite/record-texts.ts'

/** The texts that are taken of some lines, and the lines that are refused. */
function taken(lines: readonly string[], takes: (text: string) => boolean): [string[], string[]] {
  const texts: string[] = []
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const refused = takeTexts(bytes, (text) => takes(text) && texts.push(text) > 0)
  return [texts, refused]
}

const LINES = [
  '{"crc":"0a1b2c3d","id":"ö"}',
  '{"id":"b"}',
  '{"crc":"',
  '',
  '{"crc":"0a1b2c3d"}',
  '{"cry":"0a1b2c3d","a":1}',
]

test('a record comes without its checksum, and whatever has none as it is', () => {
  const texts = ['{"id":"ö"}', '{"id":"b"}', '{"crc":"', '', '{"crc":"0a1b2c3d"}', '{"cry":"0a1b2c3d","a":1}']
  expect(taken(LINES, () => true)).toEqual([texts, []])
})

test('a line that is refused comes back as it was', () => {
  expect(taken(LINES, () => false)).toEqual([[], LINES])
})
