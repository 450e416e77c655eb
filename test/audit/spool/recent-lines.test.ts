import { expect, test } from '@jest/globals'
import { RecentLines } from '../../../src/audit/spool/recent-lines.ts'

function recent(...appended: readonly string[]): RecentLines {
  const lines = new RecentLines({ limitBytes: 20 })
  for (const text of appended) lines.append(Buffer.from(text))
  return lines
}

function readFrom(lines: RecentLines, start: number, limit: number): unknown {
  const read = lines.read(start, limit)
  return read && { lines: read.lines.strings(), end: read.end }
}

test('returns the lines from a position on, across what was appended at once', () => {
  const lines = recent('a\nb\n', 'cé\n', 'd\ne\n')
  expect(readFrom(lines, 0, 10)).toEqual({ lines: ['a', 'b', 'cé', 'd', 'e'], end: 12 })
  expect(readFrom(lines, 2, 10)).toEqual({ lines: ['b', 'cé', 'd', 'e'], end: 12 })
  expect(readFrom(lines, 4, 10)).toEqual({ lines: ['cé', 'd', 'e'], end: 12 })
  expect(readFrom(lines, 0, 1)).toEqual({ lines: ['a'], end: 2 })
  expect(readFrom(lines, 2, 3)).toEqual({ lines: ['b', 'cé', 'd'], end: 10 })
})

test('has no lines behind the last one', () => {
  expect(recent().read(0, 10)).toBeUndefined()
  expect(recent('a\n').read(2, 10)).toBeUndefined()
})

test('forgets what comes before a position, and keeps what was appended together with what comes behind it', () => {
  const lines = recent('a\nb\n', 'c\nd\n')
  lines.forget(2)
  expect(readFrom(lines, 2, 10)).toEqual({ lines: ['b', 'c', 'd'], end: 8 })
  lines.forget(6)
  expect(lines.read(2, 10)).toBeUndefined()
  expect(readFrom(lines, 6, 10)).toEqual({ lines: ['d'], end: 8 })
  lines.forget()
  expect(lines.read(6, 10)).toBeUndefined()
})

test('keeps no more than its limit, and begins again with what comes next', () => {
  const lines = recent('12345678\n', '12345678\n', 'too much\n', 'x\n')
  expect(lines.read(0, 10)).toBeUndefined()
  expect(lines.read(18, 10)).toBeUndefined()
  expect(readFrom(lines, 27, 10)).toEqual({ lines: ['x'], end: 29 })
})

test('does not keep what is more than its limit at once', () => {
  const lines = recent(`${'x'.repeat(20)}\n`, 'x\n')
  expect(lines.read(0, 10)).toBeUndefined()
  expect(readFrom(lines, 21, 10)).toEqual({ lines: ['x'], end: 23 })
})
