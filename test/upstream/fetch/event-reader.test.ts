import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { EventReader } from '../../../src/upstream/fetch/event-reader.ts'
import { soak } from '../../support/soak.ts'
import { anyText } from '../../support/shared/any-text.ts'

interface Read {
  readonly data: string[]
  readonly ids: number
}

function read(chunks: readonly Uint8Array[], maxBytes = 1_000_000): Read {
  const data: string[] = []
  let ids = 0
  const reader = new EventReader({
    maxBytes,
    onData: (pieces) => void data.push(Buffer.concat(pieces).toString()),
    onId: () => (ids += 1),
  })
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return { data, ids }
}

const readText = (text: string): string[] => read([Buffer.from(text)]).data

/** The data of its events of type `message`, read line by line (HTML, server-sent events §9.2.6). */
function messagesIn(text: string): string[] {
  const found: string[] = []
  let data: string[] = []
  let type = ''
  for (const line of text.split(/\r\n|\r|\n/).slice(0, -1)) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? []
    if (field === 'data') data.push(value)
    else if (field === 'event') type = value
    if (line !== '') continue
    const all = data.join('\n')
    if (all !== '' && (type === '' || type === 'message')) found.push(all)
    data = []
    type = ''
  }
  return found
}

describe('an event', () => {
  test.each([
    ['with a blank behind the colon', 'data: a\n\n', ['a']],
    ['without a blank', 'data:a\n\n', ['a']],
    ['with two blanks, of which one counts', 'data:  a\n\n', [' a']],
    ['with carriage returns', 'data: a\r\n\r\n', ['a']],
    ['with both line ends', 'data: a\r\n\n', ['a']],
    ['whose lines end with carriage returns alone', 'data: a\rdata: b\r\r', ['a\nb']],
    ['behind a byte order mark', '\uFEFFdata: a\n\n', ['a']],
    ['of several lines', 'data: a\ndata:\ndata: b\n\n', ['a\n\nb']],
    ['of the default type, named', 'event: message\ndata: a\n\n', ['a']],
    ['whose type is empty', 'event:\ndata: a\n\n', ['a']],
    ['with a comment in it', ': hi\ndata: a\n: bye\n\n', ['a']],
    ['with an id and a time to wait', 'id: 1\nretry: 5\ndata: a\n\n', ['a']],
    ['with a field that nobody knows', 'datax: b\ndat: c\nx\ndata: a\n\n', ['a']],
    ['with colons in its data', 'data: a: b\n\n', ['a: b']],
    ['with another one behind it', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['behind one of another type', 'event: other\ndata: b\n\ndata: a\n\n', ['a']],
    ['of the default type again', 'event: other\nevent: message\ndata: a\n\n', ['a']],
    ['behind many blank lines', '\n\n\r\n\ndata: a\n\n', ['a']],
    ['that is unicode', 'data: é漢😀\u2028\n\n', ['é漢😀\u2028']],
  ])('is read %s', (_what, text, data) => {
    expect(readText(text)).toEqual(data)
  })

  test.each([
    ['of another type', 'event: endpoint\ndata: /x\n\n'],
    ['that has not ended', 'data: a\n'],
    ['whose line has not ended', 'data: a'],
    ['without data', 'event: message\nid: 1\n\n'],
    ['of empty data', 'data:\n\n'],
    ['whose field has another case', 'Data: a\n\n'],
    ['whose field begins with a blank', ' data: a\n\n'],
    ['whose field begins with a byte order mark further on', 'id: 1\n\n\uFEFFdata: a\n\n'],
  ])('is not reported %s', (_what, text) => {
    expect(readText(text)).toEqual([])
  })

  test('says that it has an id, whatever its type', () => {
    expect(read([Buffer.from('id: 1\ndata: a\n\nevent: other\nid\n\nidx: 1\n\n')]).ids).toBe(2)
  })
})

describe('a stream', () => {
  const STREAM = Buffer.from(
    ': hi\r\n\r\nevent: message\r\nid: 7\r\ndata: {"é":"漢😀"}\r\n\r\nevent: other\ndata: x\n\ndata: a\ndata: b\n\n',
  )
  const WHOLE: Read = { data: ['{"é":"漢😀"}', 'a\nb'], ids: 1 }

  test('is the same in two pieces, wherever it is cut', () => {
    for (let at = 0; at <= STREAM.length; at += 1)
      expect([at, read([STREAM.subarray(0, at), STREAM.subarray(at)])]).toEqual([at, WHOLE])
  })

  test('with long lines is the same in three pieces, wherever it is cut', () => {
    const data = ['x'.repeat(50), 'y'.repeat(50)]
    const stream = Buffer.from(
      `\uFEFFevent: message\ndata: ${data[0]}\r\ndata:${data[1]}\n\nevent: message${'s'.repeat(40)}\ndata: x\n\n` +
        `data${'z'.repeat(40)}: x\nid${' '.repeat(40)}: 1\ndata: a\n\n`,
    )
    const whole: Read = { data: [data.join('\n'), 'a'], ids: 0 }
    const others: number[][] = []
    for (let first = 0; first <= stream.length; first += 1) {
      for (let second = first; second <= Math.min(first + 60, stream.length); second += 1) {
        const pieces = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)]
        if (!isDeepStrictEqual(read(pieces), whole)) others.push([first, second])
      }
    }
    expect(others).toEqual([])
  })

  test('is the same byte by byte', () => {
    expect(read([...STREAM].map((byte) => Buffer.of(byte)))).toEqual(WHOLE)
  })

  test('has the events that HTML defines, in whatever pieces it comes', () => {
    const line = fc.oneof(
      fc.constantFrom(
        'data: a',
        'data:{"x":1}',
        'data',
        'data:',
        'event: message',
        'event: other',
        'event:',
        'id: 1',
      ),
      fc.constantFrom(': comment', 'retry: 10', '', '', '', 'data: é😀', 'data : a', 'xdata: a'),
      anyText({ maxLength: 5 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
    )
    const lines = fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '\r')), { maxLength: 12 })
    fc.assert(
      fc.property(lines, fc.array(fc.nat(), { maxLength: 4 }), (given, cuts) => {
        const bytes = Buffer.from(given.map((parts) => parts.join('')).join(''))
        const places = [
          0,
          ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b),
          bytes.length,
        ]
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
        expect(read(chunks).data).toEqual(messagesIn(bytes.toString()))
      }),
      { numRuns: soak(10_000, 300) },
    )
  })
})

describe('the limit', () => {
  const tooLarge = expect.objectContaining({ name: 'ResponseTooLarge' })

  test('is for each event', () => {
    const events = Buffer.from(`data: ${'x'.repeat(90)}\n\n`.repeat(50))
    expect(read([events], 100).data).toHaveLength(50)
    expect(() => read([Buffer.from(`data: ${'x'.repeat(95)}\n\n`)], 100)).toThrow(tooLarge)
  })

  test('counts what is no data, and lines that do not end', () => {
    expect(() => read([Buffer.from(`: ${'x'.repeat(60)}\n: ${'x'.repeat(60)}\n`)], 100)).toThrow(tooLarge)
    const piece = Buffer.from('x'.repeat(30))
    expect(() => read([Buffer.from('data: '), piece, piece, piece, piece], 100)).toThrow(tooLarge)
  })

  test('is reached by no number of short comments, each with a blank line behind it', () => {
    expect(read([Buffer.from(': ping\n\n'.repeat(1000)), Buffer.from('data: a\n\n')], 100).data).toEqual([
      'a',
    ])
  })
})
