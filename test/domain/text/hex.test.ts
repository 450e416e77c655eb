import { expect, test } from '@jest/globals'
import { hex32 } from '../../../src/domain/text/hex.ts'

test.each([
  [0, '00000000'],
  [255, '000000ff'],
  [0x01_02_03_04, '01020304'],
  [0xff_ff_ff_ff, 'ffffffff'],
  [0x80_00_00_00, '80000000'],
])('%d has eight hexadecimal digits', (value, digits) => {
  expect(hex32(value)).toBe(digits)
})
