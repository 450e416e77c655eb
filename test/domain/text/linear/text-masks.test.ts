import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { textMask } from '../../../../src/domain/text/linear/text-masks.ts'
import { soak } from '../../../support/soak.ts'

const masked = (text: string, ...patterns: string[]): string => textMask(patterns).apply(text, '***').text

describe('what patterns cover is replaced', () => {
  test.each([
    ['card 4111 1111 1111 1111.', [String.raw`\b\d{4}( ?\d{4}){3}\b`], 'card ***.'],
    ['mail ann.b@x-y.example now', [String.raw`[\w.+-]+@[\w-]+(\.[\w-]+)+`], 'mail *** now'],
    ['123-45-6789 and 1123-45-67890', [String.raw`\b\d{3}-\d{2}-\d{4}\b`], '*** and 1123-45-67890'],
    ['key: AKIAABCDEFGHIJKLMNOP', ['AKIA[A-Z0-9]{16}'], 'key: ***'],
    ['one two three', ['one', 'three'], '*** two ***'],
    ['a.b axb', [String.raw`a\.b`], '*** axb'],
    ['password=abc; x', ['password=[^; ]*'], '***; x'],
    ['nothing', [String.raw`\d`], 'nothing'],
    ['ab\ncd', ['b.c'], 'ab\ncd'],
    ['', ['a'], ''],
  ])('%j by %j', (text, patterns, expected) => {
    expect(masked(text, ...patterns)).toBe(expected)
  })

  test('as one run where matches meet or overlap, and counted as one', () => {
    expect(textMask(['aba']).apply('ababa x aba', '***')).toEqual({ text: '*** x ***', count: 2 })
  })
})

/** Patterns of a few characters, of everything that there is. */
const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      'a',
      'b',
      '-',
      '[ab]',
      '[^a]',
      '.',
      String.raw`\w`,
      String.raw`\W`,
      String.raw`\bb`,
      String.raw`a\b`,
    ),
    fc.tuple(tie('node'), tie('node')).map(([one, other]) => one + other),
    fc.tuple(tie('node'), tie('node')).map(([one, other]) => `(${one}|${other})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{2,}'))
      .map(([one, times]) => `(?:${one})${times}`),
  ),
})).node

test('exactly the characters of all matches are covered, as by regular expressions', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', '\n'), maxLength: 7 })
  fc.assert(
    fc.property(fc.tuple(pattern, pattern), text, (patterns, given) => {
      fc.pre(patterns.every((each) => !canBeEmpty(each)))
      expect(textMask(patterns).apply(given, '***').text).toBe(byAllMatches(patterns, given))
    }),
    { numRuns: soak(20_000, 500) },
  )
})

function canBeEmpty(source: string): boolean {
  // Where the end of a word would be everywhere.
  return new RegExp(`^(?:${source.replaceAll(String.raw`\b`, '')})$`).test('')
}

function byAllMatches(patterns: readonly string[], text: string): string {
  const covered = Array.from(text, () => false)
  for (const source of patterns) {
    for (let from = 0; from < text.length; from += 1) {
      for (let to = from + 1; to <= text.length; to += 1) {
        const whole = new RegExp(`(?<=^[^]{${from}})(?:${source})(?=[^]{${text.length - to}}$)`)
        if (whole.exec(text)?.[0].length === to - from) covered.fill(true, from, to)
      }
    }
  }
  return text.replaceAll(/[^]/g, (each, at: number) =>
    covered[at] === true ? (covered[at - 1] === true ? '' : '***') : each,
  )
}

describe('a pattern is refused', () => {
  test.each([
    ['a*', 'a pattern matches the empty text'],
    [String.raw`\b`, 'a pattern matches the empty text'],
    ['', 'a pattern matches the empty text'],
    ['(a', 'a group is not closed'],
    ['a)', '")" at 1 closes nothing'],
    ['[a', 'a class is not closed'],
    ['(?=a)', 'groups that look ahead or behind, or have names, are not known'],
    [String.raw`(a)\1`, String.raw`\1 is not known`],
    ['^a', String.raw`"^" is not known; texts are looked at as a whole, and \b finds the ends of words`],
    ['a**', '"*" at 2 follows another repetition'],
    ['a*?', '"?" at 2 follows another repetition'],
    ['+', '"+" at 0 repeats nothing'],
    ['a{1000}', String.raw`"{" at 1 repeats nothing; write \{ for the character`],
    ['a{101}', '{101} does not repeat up to 100 times'],
    ['(a{100}){100}', 'the pattern is too large'],
    ['(a|b)*a(a|b){12}', 'the pattern is too complex'],
    [String.raw`[ace]{100}[abc]{100}[bcd]{100}`, 'the patterns are too complex together'],
  ])('%j: %s', (source, message) => {
    expect(() => textMask([source])).toThrow(message)
  })
})

test('whether patterns are too much work together does not depend on which of them were compiled before', () => {
  const demanding = [20, 21, 22, 23].map((times) => `(a|b|c|d|e|f){40}x{${times}}`)
  for (const each of demanding) expect(() => textMask([each])).not.toThrow()
  const refusal =
    'the patterns are too complex together: take fewer, with fewer repetitions and choices in each'
  expect(() => textMask(demanding)).toThrow(refusal)
  expect(() => textMask(demanding)).toThrow(refusal)
  expect(masked('x', ...Array.from({ length: 20 }, () => '(a|b|c|d|e|f){40}x{20}'))).toBe('x')
})
