import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { isJsonObject, type JsonObject, mendJsonParse } from '../../../src/domain/json/json.ts'
import { isToolError, type RawObject, rawAnswerIn } from '../../../src/domain/json/raw-object.ts'
import { soak } from '../../support/soak.ts'
import { anyText } from '../../support/shared/any-text.ts'

mendJsonParse()

const RUNS = { numRuns: soak(10_000, 300) }

/** The result in a message with that JSON text as its result. */
function resultIn(text: string): RawObject | undefined {
  return rawAnswerIn([Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${text}}`)])?.result
}

function rawOf(value: unknown): RawObject {
  const raw = resultIn(JSON.stringify(value))
  if (raw === undefined) throw new Error('not read')
  return raw
}

function bytesOf(raw: RawObject): Buffer {
  return Buffer.concat(raw.chunks())
}

const name = fc.oneof(
  fc.constantFrom(
    'content',
    'isError',
    '_meta',
    '__proto__',
    'constructor',
    'toString',
    'a"b',
    'é',
    '\u0000',
    '',
  ),
  anyText({ maxLength: 6 }),
)
const anyObject = fc.dictionary(
  name,
  fc.oneof(
    fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>,
    fc.dictionary(name, fc.integer(), { maxKeys: 3 }),
  ),
  { maxKeys: 8 },
)

describe('an answer', () => {
  test('has the id and the members of the result, each as it was written', () => {
    const answer = rawAnswerIn([
      Buffer.from(
        '{"jsonrpc": "2.0", "id": "7", "result": {"a": 1.50, "b" : "\\u00e9", "_meta": {"c": 12345678901234567890}}}',
      ),
    ])
    expect(answer?.id).toBe('7')
    expect(answer && bytesOf(answer.result).toString()).toBe(
      '{"a": 1.50,"b" : "\\u00e9","_meta": {"c": 12345678901234567890}}',
    )
    expect(answer?.result.get('_meta')).toEqual({ c: Number('12345678901234567890') })
  })

  test.each([
    ['members in another order', '{"result":{"a":1},"id":1,"jsonrpc":"2.0"}'],
    ['a member that nobody knows', '{"jsonrpc":"2.0","id":1,"x":{"result":{"b":2}},"result":{"a":1}}'],
    ['blanks around it', ' \r\n{"jsonrpc":"2.0","id":1,"result":\t{"a":1} } \n'],
  ])('may have %s', (_what, text) => {
    expect(rawAnswerIn([Buffer.from(text)])?.result.parse()).toEqual({ a: 1 })
  })

  test.each([
    ['an error', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}'],
    ['a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"no"}}'],
    ['a result and an error that is null', '{"jsonrpc":"2.0","id":1,"result":{},"error":null}'],
    ['a request', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}'],
    ['another version', '{"jsonrpc":"1.0","id":1,"result":{}}'],
    ['no version', '{"id":1,"result":{}}'],
    ['no result', '{"jsonrpc":"2.0","id":1}'],
    ['a result that is a list', '{"jsonrpc":"2.0","id":1,"result":[]}'],
    ['a result that is null', '{"jsonrpc":"2.0","id":1,"result":null}'],
    ['two results', '{"jsonrpc":"2.0","id":1,"result":{"a":1},"result":{"a":2}}'],
    ['two ids', '{"jsonrpc":"2.0","id":1,"id":2,"result":{}}'],
    ['a result with an escape in its name', '{"jsonrpc":"2.0","id":1,"resul\\u0074":{}}'],
    ['two results, one with an escape in its name', '{"jsonrpc":"2.0","id":1,"result":{},"resul\\u0074":{}}'],
    ['a member twice in the result', '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}'],
    ['a member twice, once with an escape', '{"jsonrpc":"2.0","id":1,"result":{"a":1,"\\u0061":2}}'],
    ['a list of messages', '[{"jsonrpc":"2.0","id":1,"result":{}}]'],
    ['no JSON', '{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}'],
    ['half of one', '{"jsonrpc":"2.0","id":1,"result":{"a":'],
    ['a mark of the order of bytes', '\uFEFF{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['65 members in its result', JSON.stringify({ jsonrpc: '2.0', id: 1, result: withMembers(65) })],
    ['more than 128 levels', `{"jsonrpc":"2.0","id":1,"result":{"a":${'['.repeat(127)}${']'.repeat(127)}}}`],
  ])('is not raw with %s', (_what, text) => {
    expect(rawAnswerIn([Buffer.from(text)])).toBeUndefined()
  })

  test('is not raw unless it is UTF-8', () => {
    const broken = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":"'),
      Buffer.of(0xc3),
      Buffer.from('"}}'),
    ])
    expect(rawAnswerIn([broken])).toBeUndefined()
  })

  test('is raw with 64 members in its result, and as many around it', () => {
    const message = { ...withMembers(61), jsonrpc: '2.0', id: 1, result: withMembers(64) }
    expect(rawAnswerIn([Buffer.from(JSON.stringify(message))])?.result.parse()).toEqual(withMembers(64))
  })
})

function withMembers(count: number): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index]))
}

describe('a raw object', () => {
  test('has the same value, members and size as what JSON.parse makes of its bytes', () => {
    fc.assert(
      fc.property(anyObject, (value) => {
        const raw = rawOf(value)
        const bytes = bytesOf(raw)
        const parsed = JSON.parse(JSON.stringify(value)) as JsonObject
        expect(JSON.stringify(JSON.parse(bytes.toString()))).toBe(JSON.stringify(parsed))
        expect(JSON.stringify(raw.parse())).toBe(JSON.stringify(parsed))
        expect(raw.size).toBe(bytes.length)
        for (const [key, member] of Object.entries(parsed)) {
          expect([raw.has(key), raw.get(key)]).toEqual([true, member])
        }
      }),
      RUNS,
    )
  })

  test('gives the same value each time', () => {
    const raw = rawOf({ a: {} })
    expect(raw.parse()).toBe(raw.parse())
  })

  test('has nothing that every object of JavaScript has', () => {
    const raw = rawOf({})
    for (const key of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
      expect([key, raw.has(key), raw.get(key)]).toEqual([key, false, undefined])
    expect([raw.size, bytesOf(raw).toString()]).toEqual([2, '{}'])
  })

  test('becomes with changes what the value would become, and stays as it was', () => {
    const changes = fc.dictionary(
      fc.constantFrom('content', 'isError', '_meta', 'resultType', 'é'),
      fc.option(fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>, { nil: undefined }),
      { maxKeys: 3, noNullPrototype: true },
    )
    fc.assert(
      fc.property(anyObject, changes, (value, changed) => {
        const raw = rawOf(value)
        const before = bytesOf(raw).toString()
        const after = raw.with(changed)
        const expected = { ...(JSON.parse(JSON.stringify(value)) as JsonObject), ...changed }
        expect(after.parse()).toEqual(JSON.parse(JSON.stringify(expected)))
        expect(Object.keys(after.parse()).toSorted()).toEqual(
          Object.keys(JSON.parse(JSON.stringify(expected)) as JsonObject).toSorted(),
        )
        expect(after.size).toBe(bytesOf(after).length)
        expect(bytesOf(raw).toString()).toBe(before)
      }),
      RUNS,
    )
  })

  test('never denies a name that is anywhere within', () => {
    const namesIn = (value: unknown): string[] =>
      Array.isArray(value)
        ? value.flatMap(namesIn)
        : isJsonObject(value)
          ? Object.entries(value).flatMap(([key, member]) => [key, ...namesIn(member)])
          : []
    fc.assert(
      fc.property(anyObject, fc.jsonValue({ maxDepth: 2 }), (value, added) => {
        const raw = rawOf(value)
        for (const each of namesIn(JSON.parse(JSON.stringify(value))))
          expect([each, raw.mayMention(each)]).toEqual([each, true])
        const more = raw.with({ structuredContent: { uri: added } })
        expect([more.mayMention('structuredContent'), more.mayMention('uri')]).toEqual([true, true])
      }),
      RUNS,
    )
  })

  test('never denies a name that is written with an escape, and denies one that is not there', () => {
    expect(resultIn('{"a":[{"\\u0075ri":"x"}]}')?.mayMention('uri')).toBe(true)
    expect(resultIn('{"a":[{"text":"the uri"}]}')?.mayMention('uri')).toBe(false)
  })

  test.each([
    [{ isError: true }, true],
    [{ isError: false }, false],
    [{ isError: 'true' }, false],
    [{}, false],
  ])('says whether it is the error of a tool, as its value does: %j', (value, expected) => {
    expect([isToolError(rawOf(value)), isToolError(value)]).toEqual([expected, expected])
  })
})
