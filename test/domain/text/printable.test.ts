import { expect, test } from '@jest/globals'
import { escapedJson, printable, printableJson, printableLine } from '../../../src/domain/text/printable.ts'

test('text keeps its lines, tabs and letters of every language', () => {
  const text = 'grüße\n\t查询 مرحبا 😀 é'
  expect(printable(text)).toBe(text)
})

test.each([
  ['escape sequences', '\u001b[31mred\u001b[0m', '[31mred[0m'],
  ['the title of a terminal', '\u001b]0;x\u0007', ']0;x'],
  ['C1 controls', 'a\u009b2Jb', 'a2Jb'],
  ['a carriage return', 'good\rbad', 'goodbad'],
  ['a change of direction', 'a\u202eb\u2066c', 'abc'],
  ['tag characters', 'a\u{e0069}\u{e0067}b', 'ab'],
  ['invisible characters', 'a\u200b\u2060\ufeffb', 'ab'],
  ['half of a pair', 'a\ud83db', 'ab'],
])('%s are taken out', (_what, text, expected) => {
  expect(printable(text)).toBe(expected)
})

test('a line is one line', () => {
  expect(printableLine('\n a \r\n b\u2029c ')).toBe('a b c')
})

test('JSON text stays JSON, without control characters in its strings', () => {
  const value = { 'k\u001b': 'a\u001b[2J\u009b\n\t\u202e\\u001b\\', n: 'ü' }
  const text = printableJson(JSON.stringify(value))
  expect(JSON.parse(text)).toEqual({ k: 'a[2J\n\t\\u001b\\', n: 'ü' })
})

test('escaped JSON has only text in it, and the same strings', () => {
  const value = { 'k\u001b': 'a\u009b\n\u202e\u{e0069}\\', n: 'ü 😀' }
  const text = escapedJson(JSON.stringify(value))
  expect(text).toBe('{"k\\u001b":"a\\u009b\\n\\u202e\\udb40\\udc69\\\\","n":"ü 😀"}')
  expect(JSON.parse(text)).toEqual(value)
})
