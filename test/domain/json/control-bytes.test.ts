import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { ControlBytes, hasControlBytes } from '../../../src/domain/json/control-bytes.ts'
import { soak } from '../../support/soak.ts'

const byte = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 0x20, max: 0xff }) },
  fc.integer({ min: 0, max: 0xff }),
)
/** Bytes that begin anywhere in their memory, and two places in them. */
const part = fc.tuple(fc.array(byte, { maxLength: 40 }), fc.nat(9), fc.nat(40), fc.nat(40))

test('a control character is found wherever it stands, and nothing else is', () => {
  fc.assert(
    fc.property(part, ([content, offset, one, other]) => {
      const memory = new Uint8Array([...Array.from({ length: offset }, () => 0), ...content, 0, 0, 0, 0, 0])
      const bytes = memory.subarray(offset, offset + content.length)
      const [start = 0, end = 0] = [one, other]
        .map((at) => Math.min(at, content.length))
        .toSorted((a, b) => a - b)
      expect(new ControlBytes(bytes).isBetween(start, end)).toBe(
        content.slice(start, end).some((each) => each < 0x20),
      )
    }),
    { numRuns: soak(2000, 300) },
  )
})

test.each([
  [0x00, true],
  [0x1f, true],
  [0x20, false],
  [0x7f, false],
  [0x80, false],
  [0x9f, false],
  [0xff, false],
])('whether the byte %d is one: %s', (value, isOne) => {
  for (let at = 0; at < 12; at += 1) {
    const bytes = new Uint8Array(12).fill(0x61)
    bytes[at] = value
    expect(new ControlBytes(bytes).isBetween(0, 12)).toBe(isOne)
  }
})

test('a control character is found wherever it stands in ASCII, and nothing else is', () => {
  const ascii = fc.array(fc.integer({ min: 0x20, max: 0x7f }), { maxLength: 150 })
  const control = fc.integer({ min: 0, max: 0x1f })
  fc.assert(
    fc.property(ascii, fc.nat(9), fc.nat(150), control, (content, offset, place, value) => {
      const memory = new Uint8Array([...Array.from({ length: offset }, () => 0), ...content, 0, 0, 0, 0, 0])
      const bytes = memory.subarray(offset, offset + content.length)
      expect(hasControlBytes(bytes)).toBe(false)
      if (content.length === 0) return
      bytes[place % content.length] = value
      expect(hasControlBytes(bytes)).toBe(true)
    }),
    { numRuns: soak(2000, 300) },
  )
})
