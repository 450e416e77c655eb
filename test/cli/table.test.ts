import { describe, expect, test } from '@jest/globals'
import { aligned, table } from '../../src/cli/table.ts'

const ROWS = [
  ['short', 'A tool'],
  ['a-longer-name', 'Another tool that says a great deal about itself'],
]

test('programs get cells between tabs and no header', () => {
  expect(table(ROWS, { columns: undefined, header: ['NAME', 'DESCRIPTION'] })).toBe(
    'short\tA tool\na-longer-name\tAnother tool that says a great deal about itself\n',
  )
})

test('a terminal gets aligned columns below a header, cut to its width with a mark', () => {
  expect(table(ROWS, { columns: 40, header: ['NAME', 'DESCRIPTION'] })).toBe(
    'NAME           DESCRIPTION\nshort          A tool\na-longer-name  Another tool that says a…\n',
  )
})

test.each([1, 8, 20, 33, 80])('no line is wider than a terminal of %d columns', (columns) => {
  const rows = [...ROWS, ['查询'.repeat(20), '😀'.repeat(40)], ['x'.repeat(200), 'y'.repeat(200), 'z']]
  const widths = table(rows, { columns })
    .split('\n')
    .map((line) => Array.from(line).length + (line.match(/[查询😀]/gu)?.length ?? 0))
  expect(Math.max(...widths)).toBeLessThanOrEqual(columns)
})

test('wide characters count as two', () => {
  expect(
    aligned([
      ['查询', 'a'],
      ['user', 'b'],
    ]),
  ).toBe('查询  a\nuser  b\n')
})

describe('whatever a cell holds', () => {
  test('it stays one line and one cell', () => {
    const row = ['a\tb', '\r\n\n first\n second', 'c\u2028d']
    expect(table([row], { columns: undefined })).toBe('a b\tfirst second\tc d\n')
  })

  test('it cannot steer a terminal or hide text', () => {
    const row = ['\u001b]0;title\u0007\u001b[2Jx', '\u202eabc\u{e0041}\u{e0042}', '\u009b31mz\u200b\u007f']
    expect(table([row], { columns: undefined })).toBe(']0;title[2Jx\tabc\t31mz\n')
  })
})

test('no rows are no output', () => {
  expect(table([], { columns: 80, header: ['NAME'] })).toBe('')
})
