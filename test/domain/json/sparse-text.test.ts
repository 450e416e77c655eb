import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { isJsonObject, mendJsonParse } from '../../../src/domain/json/json.ts'
import { rawAnswerIn } from '../../../src/domain/json/raw-object.ts'
import { SparseText } from '../../../src/domain/json/sparse-text.ts'
import { soak } from '../../support/soak.ts'

mendJsonParse()

const RUNS = { numRuns: soak(5000, 200) }

/** Strings with parts long enough to stand apart, and what makes trouble at their borders. */
const part = fc.oneof(
  fc
    .tuple(fc.constantFrom('a', 'é', '漢', '😀', '/+', '~'), fc.integer({ min: 3000, max: 9000 }))
    .map(([character, length]) => character.repeat(length)),
  fc.constantFrom('\\"', '\\\\', '\\n', '\\u0061', '\\uD83D\\uDE00', '{', '[', ',', ':', 'é', '"uri"'),
)
const quoted = fc
  .array(part, { maxLength: 5 })
  .map((parts) => `"${parts.join('').replaceAll('"uri"', '\\"uri\\"')}"`)
const value = fc.oneof(
  { weight: 6, arbitrary: quoted },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ' '.repeat(5000) + '1',
      `[${'1'.repeat(900)}${',2'.repeat(3000)}]`,
      `{"b":${'\n'.repeat(5000)}true}`,
      `{"uri":"${'x'.repeat(5000)}"}`,
      '~'.repeat(5000),
    ),
  },
)
/**
 * Names have no backslash: V8 13.6 keeps the names that objects had in one place, and takes `"\\n"` there for the one that is a
 * backslash, because it compares the escaped text. What JSON.parse says would depend on what was parsed before.
 */
const name = fc.oneof(
  fc.constantFrom('"content"', '"isError"', '"b"'),
  quoted.filter((text) => !String(JSON.parse(text)).includes('\\')),
)
const member = fc.tuple(name, value)
/** With how many members there are. */
const answer = fc
  .array(member, { maxLength: 3 })
  .map(
    (members) =>
      [
        `{"jsonrpc":"2.0","id":7,"result":{${members.map(([key, each]) => `${key}:${each}`).join(',')}}}`,
        members.length,
      ] as const,
  )
/** Where to cut, and which byte to spoil. */
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })
const spoilt = fc.option(
  fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(0x00, 0x0a, 0x1f, 0x22, 0x5c, 0x7e, 0x80, 0xc3, 0xff),
  ),
)

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((place) => Math.floor(place * bytes.length)), bytes.length].toSorted(
    (a, b) => a - b,
  )
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

/** What JSON.parse makes of bytes that are UTF-8. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
}

describe('an answer in chunks', () => {
  test('is read as the same bytes in one piece are, wherever they are cut, and only if JSON.parse reads them', () => {
    fc.assert(
      fc.property(answer, places, spoilt, ([given], cuts, spoiling) => {
        const bytes = Buffer.from(given)
        if (spoiling !== null) bytes[Math.floor(spoiling[0] * (bytes.length - 1))] = spoiling[1]
        const raw = rawAnswerIn(cut(bytes, cuts))
        const whole = rawAnswerIn(
          cut(
            bytes,
            Array.from({ length: bytes.length >> 11 }, (_, n) => (n * 2048) / bytes.length),
          ),
        )
        const message = parsed(bytes)
        expect([raw?.id, raw?.result.size]).toEqual([whole?.id, whole?.result.size])
        if (raw === undefined || whole === undefined) return
        const joined = Buffer.concat(raw.result.chunks())
        expect(joined.equals(Buffer.concat(whole.result.chunks()))).toBe(true)
        expect(raw.result.size).toBe(joined.length)
        expect(raw.result.mayMention('uri')).toBe(whole.result.mayMention('uri'))
        const result = isJsonObject(message) ? message['result'] : undefined
        expect(raw.result.parse()).toEqual(result)
        for (const [key, each] of Object.entries(result as object)) expect(raw.result.get(key)).toEqual(each)
      }),
      RUNS,
    )
  })

  test('is an answer if it is one as JSON', () => {
    fc.assert(
      fc.property(answer, places, ([given, count], cuts) => {
        const bytes = Buffer.from(given)
        const message = parsed(bytes)
        // Of a name that is there twice it is not said which one counts.
        fc.pre(
          isJsonObject(message) &&
            isJsonObject(message['result']) &&
            Object.keys(message['result']).length === count,
        )
        expect(rawAnswerIn(cut(bytes, cuts))?.id).toBe(7)
      }),
      RUNS,
    )
  })

  test('is found to hold bytes wherever they are cut', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20_000 }), places, (at, cuts) => {
        const image = Buffer.alloc(20_000, 'x')
        const secret = Buffer.from('s3cret-s3cret')
        const given = (middle: Buffer): Buffer[] =>
          cut(
            Buffer.concat([
              Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"a":"'),
              image.subarray(0, at),
              middle,
              image.subarray(at),
              Buffer.from('"}}'),
            ]),
            [...cuts, ...cuts.map((place) => (at + 39 + place * 13) / 20_100)],
          )
        const holds = (middle: Buffer): boolean | undefined =>
          rawAnswerIn(given(middle))?.result.holdsAny([Buffer.from('nothing'), secret])
        expect([holds(secret), holds(secret.subarray(1)), holds(secret.subarray(0, -1))]).toEqual([
          true,
          false,
          false,
        ])
      }),
      RUNS,
    )
  })
})

describe('the text around long runs', () => {
  const IMAGE = Buffer.alloc(1_000_000, 'iVBORw0KGgo')
  const chunksOf = (size: number): Buffer[] =>
    cut(
      Buffer.concat([Buffer.from('{"data":"'), IMAGE, Buffer.from('"}')]),
      Array.from({ length: Math.floor(1_000_000 / size) }, (_, index) => (index * size) / 1_000_011),
    )

  test('is all that is copied of an image: the pieces are the chunks that arrived', () => {
    const chunks = chunksOf(65_536)
    const text = SparseText.of(chunks)
    expect(text.around.length).toBeLessThan(500)
    expect(text.size).toBe(1_000_011)
    const arrived = new Set(chunks.map(({ buffer }) => buffer))
    const apart = text.pieces().filter(({ length }) => length > 4096)
    expect(apart.every(({ buffer }) => arrived.has(buffer))).toBe(true)
  })

  test('is everything where it arrives in crumbs, so that there are few pieces to write', () => {
    expect(SparseText.of(chunksOf(100)).pieces()).toHaveLength(1)
  })
})
