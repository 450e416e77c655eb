import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { matcherOf, matches } from '../../../src/domain/text/pattern.ts'
import { soak } from '../../support/soak.ts'

const short = (...alphabet: string[]): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 8 })

describe('a pattern', () => {
  test.each([
    ['read_file', 'read_file', true],
    ['read_file', 'read_files', false],
    ['*', '', true],
    ['read_*', 'read_', true],
    ['*_file', '_file', true],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['*a*', 'bab', true],
    ['a**b', 'ab', true],
    ['.*', 'x', false],
    ['', '', true],
    ['', 'x', false],
  ])('%j on %j: %j', (pattern, text, result) => {
    expect(matches(pattern, text)).toBe(result)
    expect(matcherOf(pattern)(text)).toBe(result)
  })

  test('matches what the same regular expression matches', () => {
    fc.assert(
      fc.property(short('a', 'b', '*', '.'), short('a', 'b', '.'), (pattern, text) => {
        const expression = pattern.split('*').map((part) => part.replaceAll('.', '\\.'))
        return matches(pattern, text) === new RegExp(`^${expression.join('.*')}$`, 's').test(text)
      }),
      { numRuns: soak(5000, 500) },
    )
  })

  test('made to be slow is not', () => {
    const start = performance.now()
    expect(matches(`${'a*'.repeat(60)}b`, 'a'.repeat(10_000))).toBe(false)
    expect(performance.now() - start).toBeLessThan(20_000)
  })
})
