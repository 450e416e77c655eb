import { expect, test } from '@jest/globals'
import { assert, double, option, property, record } from 'fast-check'
import { hex32, isIntact, lineOf, recordInLine } from '../../src/audit/record-line.ts'
import { asStored, usageRecord } from '../support/usage-records.ts'
import { anyText } from '../support/shared/any-text.ts'

const texts = anyText({ maxLength: 50 })
const records = record({
  target: texts,
  subject: texts,
  agent: option(texts),
  durationMs: double({ noNaN: true, min: 0 }),
}).map((fields) => asStored(usageRecord(fields)))

test('a record is one line, and comes back as it was', () => {
  assert(
    property(records, (given) => {
      const line = lineOf(given)
      expect(line).not.toMatch(/[\r\n]/)
      expect(Buffer.from(line).toString()).toBe(line)
      expect(isIntact(line)).toBe(true)
      expect(recordInLine(line)).toEqual(given)
    }),
  )
})

test('a line of which one character was changed, or whose end is missing, is damaged', () => {
  const line = lineOf(asStored(usageRecord()))
  for (let at = 0; at < line.length; at += 1) {
    expect(isIntact(`${line.slice(0, at)}~${line.slice(at + 1)}`)).toBe(false)
    expect(isIntact(line.slice(0, at))).toBe(false)
  }
})

test('a line of an earlier version has no checksum, and is intact if it is a record', () => {
  const stored = asStored(usageRecord())
  expect(isIntact(JSON.stringify(stored))).toBe(true)
  expect(isIntact(JSON.stringify({ ...stored, atMs: 'soon' }))).toBe(false)
  for (const text of ['', '\0\0\0', '{}', '[]', 'null']) expect(isIntact(text)).toBe(false)
})

test('fields of a later version are left out, and an unknown word is kept', () => {
  const stored = asStored(usageRecord())
  expect(recordInLine(JSON.stringify({ ...stored, outcome: 'postponed', mood: 'fine' }))).toEqual({
    ...stored,
    outcome: 'postponed',
  })
})

test.each([
  [0, '00000000'],
  [255, '000000ff'],
  [0x01_02_03_04, '01020304'],
  [0xff_ff_ff_ff, 'ffffffff'],
  [0x80_00_00_00, '80000000'],
])('%d has eight hexadecimal digits', (value, digits) => {
  expect(hex32(value)).toBe(digits)
})
