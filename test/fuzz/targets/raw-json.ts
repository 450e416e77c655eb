import { isUtf8 } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import { isDeeperThan, isJsonObject, MAX_JSON_DEPTH } from '../../../src/domain/json/json.ts'
import { membersOf } from '../../../src/domain/json/json-reader.ts'
import { RawObject, rawAnswerIn } from '../../../src/domain/json/raw-object.ts'
import { SparseText } from '../../../src/domain/json/sparse-text.ts'
import { broken, type Target } from '../target.ts'

/** A longer number is refused, which `JSON.parse` takes. */
const LONG_NUMBER = /[\d.eE+-]{1000}/

/** JSON that stays bytes. */
export const rawJson: Target = {
  name: 'raw-json',
  guarantee: 'an object that is read without making values of it is the one that JSON.parse makes, or none',
  code: [
    'domain/json/json-reader.ts',
    'domain/json/raw-object.ts',
    'domain/json/sparse-text.ts',
    'domain/json/control-bytes.ts',
  ],
  seeds: [
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a\\u00e9\\n"}],"isError":false}}',
    '{"a":{"b":[1,-2.5e3,true,null,"x"],"c":{}},"":[],"\\u0061":"b"}',
    '{"result":{"__proto__":1,"a":1e400},"jsonrpc":"2.0","id":"x"} ',
    ' { "text" : "a string of more than twenty four characters, with \\" and \\\\ in it" }\n',
  ],
  words: [
    '"result":',
    '"error":null',
    '"id":',
    '"jsonrpc":"2.0"',
    '{}',
    '[]',
    '[[',
    '{"a":',
    ',',
    '\\u00',
    '\\"',
    '\\\\',
    'true',
    'null',
    '-0',
    '1e5',
    '.5',
    '"__proto__":',
    '\u00c3\u00a9',
    '\u00ed\u00a0\u0080',
    '\u001f',
  ],
  check(input) {
    if (!isUtf8(input)) {
      if (rawAnswerIn([input]) !== undefined) broken('an answer that is not UTF-8')
      return
    }
    const value = parsed(input)
    const members = attempt(() => membersOf(input))
    const isFit = isJsonObject(value) && !isDeeperThan(value, MAX_JSON_DEPTH)
    if (members !== undefined && !isFit) broken('an object was read where JSON.parse finds none')
    if (members === undefined && isFit && !LONG_NUMBER.test(input.toString('latin1')))
      broken('no object was read where JSON.parse finds one')
    if (members === undefined || !isJsonObject(value)) return
    const outer = members.places.filter(({ level }) => level === 1)
    checkObject(RawObject.of(SparseText.whole(input), outer, members.hasEscapedNames), value)
    checkAnswer(input, value)
  },
}

function checkObject(object: RawObject | undefined, value: Record<string, unknown>): void {
  if (object === undefined) return
  if (!isDeepStrictEqual(object.parse(), value)) broken('the whole is another object')
  const text = Buffer.concat(object.chunks())
  if (text.length !== object.size) broken(`its size is ${object.size}, and its bytes are ${text.length}`)
  for (const [name, member] of Object.entries(value)) {
    if (!object.has(name) || !isDeepStrictEqual(object.get(name), member)) broken('a member is another value')
    if (!object.mayMention(name)) broken('a member is said not to be mentioned')
  }
  const changed = object.with({ added: [1], ...('a' in value && { a: undefined }) })
  const { a: _a, ...rest } = value
  if (!isDeepStrictEqual(JSON.parse(Buffer.concat(changed.chunks()).toString()), { ...rest, added: [1] }))
    broken('a change made another object')
}

function checkAnswer(input: Buffer, value: Record<string, unknown>): void {
  const answer = rawAnswerIn([input])
  if (answer === undefined) return
  if (value['jsonrpc'] !== '2.0' || 'error' in value || 'method' in value) broken('no result was read as one')
  if (answer.id !== value['id']) broken('the id is another one')
  if (!isDeepStrictEqual(answer.result.parse(), value['result'])) broken('the result is another one')
}

function parsed(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString())
  } catch {
    return undefined
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}
