import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { LineFramer } from '../../../src/upstream/stdio/line-framer.ts'
import { anyText } from '../../support/shared/any-text.ts'

function framed(
  maxBytes: number,
  chunks: readonly Buffer[],
): { lines: string[]; oversized: [string, string | undefined][] } {
  const lines: string[] = []
  const oversized: [string, string | undefined][] = []
  const framer = new LineFramer({
    maxBytes,
    listener: {
      onLine: (line) => lines.push(line),
      onOversized: (head, tail) => oversized.push([head, tail]),
    },
  })
  for (const chunk of chunks) framer.push(chunk)
  return { lines, oversized }
}

test('lines come out whole, however the bytes were cut', () => {
  const texts = fc.array(anyText({ minLength: 1 }).map((text) => `${text.replaceAll('\n', '')}.`))
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 7 }), (lines, size) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      expect(framed(1000, chunks).lines).toEqual(lines)
    }),
  )
})

test('empty lines and an unfinished line are not reported', () => {
  expect(framed(10, [Buffer.from('\n\na\n\nb')]).lines).toEqual(['a'])
})

test('a line of exactly the limit passes, one byte more does not', () => {
  const { lines, oversized } = framed(4, [Buffer.from('abcd\nabcde\nef\n')])
  expect(lines).toEqual(['abcd', 'ef'])
  expect(oversized).toEqual([
    ['abcde', undefined],
    ['abcde', 'abcde'],
  ])
})

test('of a line that is too long only its ends are kept, as soon as and as long as it comes', () => {
  const chunks = ['{"id":1,', 'x'.repeat(1000), 'y'.repeat(1000), '}end', '\nnext\n'].map((text) =>
    Buffer.from(text),
  )
  const { lines, oversized } = framed(500, chunks)
  expect(oversized).toEqual([
    [`{"id":1,${'x'.repeat(248)}`, undefined],
    [`{"id":1,${'x'.repeat(248)}`, `${'y'.repeat(252)}}end`],
  ])
  expect(lines).toEqual(['next'])
})

test('a long line in single bytes takes no longer than it should', () => {
  const framer = new LineFramer({
    maxBytes: 2_000_000,
    listener: { onLine: () => undefined, onOversized: () => undefined },
  })
  const byte = Buffer.from('x')
  const startedAt = performance.now()
  for (let i = 0; i < 1_000_000; i += 1) framer.push(byte)
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})

test.each([1_000_000, 5_000_000])(
  'a line of far too many objects is not told, in pieces of %i bytes',
  (size) => {
    const line = Buffer.from(`{"id":1,"x":[${'{},'.repeat(600_000)}{}]}\nnext\n`)
    const { lines, oversized } = framed(10_000_000, [line.subarray(0, size), line.subarray(size)])
    expect(oversized).toEqual([
      [`{"id":1,"x":[${'{},'.repeat(81)}`, undefined],
      [`{"id":1,"x":[${'{},'.repeat(81)}`, `${'{},'.repeat(84)}{}]}`],
    ])
    expect(lines).toEqual(['next'])
  },
)
