import * as fc from 'fast-check'

const ASCII = 0x7f
const SURROGATES = [0xd8_00, 0xdf_ff] as const
const LAST = 0x10_ff_ff

const character = fc
  .oneof(
    fc.integer({ min: 0, max: ASCII }),
    fc.integer({ min: ASCII + 1, max: SURROGATES[0] - 1 }),
    fc.integer({ min: SURROGATES[1] + 1, max: LAST }),
  )
  .map((code) => String.fromCodePoint(code))

/**
 * Texts of every character that there is, control characters too. The units `binary` and `grapheme` of fast-check are as
 * wide, and first make tables of all characters, which takes seconds.
 */
export function anyText(length: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<string> {
  return fc.string({ unit: character, ...length })
}
