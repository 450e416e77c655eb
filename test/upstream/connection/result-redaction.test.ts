import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { type RawObject, rawAnswerIn } from '../../../src/domain/json/raw-object.ts'
import { ResultRedaction } from '../../../src/upstream/connection/decorators/result-redaction.ts'

const SECRET = 'sk-live/0123"abc'
const FORMS = [SECRET, 'sk-live%2F0123%22abc', Buffer.from(SECRET).toString('base64').replace(/=+$/, '')]

/** What becomes of a result, and how many places of it had a secret. */
function clean<T extends RawObject | JsonObject>(result: T): { result: T | JsonObject; counts: number[] } {
  const counts: number[] = []
  const redaction = new ResultRedaction({ secrets: [SECRET], onRedacted: (count) => counts.push(count) })
  return { result: redaction.clean(result), counts }
}

function raw(result: string): RawObject {
  const answer = rawAnswerIn(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${result}}`))
  if (answer === undefined) throw new Error('no answer')
  return answer.result
}

describe('a result', () => {
  test('without a secret is passed on as the same object, and counted as nothing', () => {
    const value = { content: [{ type: 'text', text: 'sk-live' }], n: 1 }
    const bytes = raw(JSON.stringify(value))
    expect(clean(value).result).toBe(value)
    expect(clean(bytes)).toEqual({ result: bytes, counts: [] })
  })

  test.each(FORMS)('has no secret in the form %s, at any depth and in names', (form) => {
    const value = {
      content: [{ type: 'text', text: `a ${form} b ${form}` }],
      structuredContent: { [form]: [form, 1] },
    }
    const expected = {
      content: [{ type: 'text', text: 'a *** b ***' }],
      structuredContent: { '***': ['***', 1] },
    }
    expect(clean(value)).toEqual({ result: expected, counts: [4] })
    expect(clean(raw(JSON.stringify(value)))).toEqual({ result: expected, counts: [4] })
  })

  test('as bytes has none that is written with escapes', () => {
    const escaped = Array.from(SECRET)
      .map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
    expect(clean(raw(`{"a":"${escaped}"}`)).result).toEqual({ a: '***' })
  })

  test('that is nested without end is an error, and no way to pass a secret on', () => {
    let value: JsonObject = { a: SECRET }
    for (let level = 0; level < 5000; level += 1) value = { a: value }
    expect(() => clean(value)).toThrow('nested too deeply')
  })
})

test('secrets that may be any word stay in results', () => {
  const redaction = new ResultRedaction({ secrets: ['admin'], onRedacted: () => undefined })
  const value = { text: 'the admin' }
  expect(redaction.clean(value)).toBe(value)
})
