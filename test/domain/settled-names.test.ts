import { describe, expect, test } from '@jest/globals'
import { settledNames } from '../../src/domain/settled-names.ts'

const settle = (all: string[], wanted: Record<string, string>, keyOf?: (name: string) => string) => {
  const { names, refused } = settledNames(all, new Map(Object.entries(wanted)), keyOf)
  return { names: Object.fromEntries(names), refused }
}

describe('new names', () => {
  test('are given if they are free, and two servers can exchange theirs', () => {
    expect(settle(['a', 'b', 'c'], { a: 'x' })).toEqual({ names: { a: 'x' }, refused: [] })
    expect(settle(['a', 'b'], { a: 'b', b: 'a' })).toEqual({ names: { a: 'b', b: 'a' }, refused: [] })
    expect(settle(['a', 'b'], { b: 'old', a: 'b' })).toEqual({ names: { b: 'old', a: 'b' }, refused: [] })
  })

  test('are not given where another keeps that name, or has asked first', () => {
    expect(settle(['a', 'b'], { a: 'b' })).toEqual({
      names: {},
      refused: [{ own: 'a', name: 'b', holder: 'b' }],
    })
    expect(settle(['a', 'b'], { a: 'x', b: 'x' })).toEqual({
      names: { a: 'x' },
      refused: [{ own: 'b', name: 'x', holder: 'a' }],
    })
  })

  test('are revoked if their earlier owner gets no other name', () => {
    expect(settle(['a', 'b', 'c'], { c: 'a', a: 'b' })).toEqual({
      names: {},
      refused: [
        { own: 'a', name: 'b', holder: 'b' },
        { own: 'c', name: 'a', holder: 'a' },
      ],
    })
  })

  test('differ in what has to be different of them', () => {
    const lower = (name: string): string => name.toLowerCase()
    expect(settle(['a', 'B'], { a: 'b' }, lower).names).toEqual({})
    expect(settle(['constructor', '__proto__'], { constructor: 'toString' }).names).toEqual({
      constructor: 'toString',
    })
  })
})
