import { expect, test } from '@jest/globals'
import { linesIn, RecordLines } from '../../src/audit/record-lines.ts'

test('are the same as text and as bytes, in whatever pieces they came', () => {
  const lines = new RecordLines([Buffer.from('one\nzwölf\n'), Buffer.from('ten\n')], 3)
  expect(lines.strings()).toEqual(['one', 'zwölf', 'ten'])
  expect(Buffer.from(lines.copy()).toString()).toBe('one\nzwölf\nten\n')
  expect(Buffer.from(RecordLines.of(['one', 'zwölf']).copy()).toString()).toBe('one\nzwölf\n')
  expect(RecordLines.of([]).strings()).toEqual([])
})

test('stay as they are, whatever becomes of a copy', () => {
  const lines = RecordLines.of(['one'])
  lines.copy().fill(0)
  expect(lines.strings()).toEqual(['one'])
})

test('only whole lines count, up to the limit', () => {
  const bytes = Buffer.from('a\n\nbcd\ntorn')
  expect(linesIn(bytes, 10)).toEqual({ count: 3, end: 7 })
  expect(linesIn(bytes, 2)).toEqual({ count: 2, end: 3 })
  expect(linesIn(Buffer.from('torn'), 10)).toEqual({ count: 0, end: 0 })
})
