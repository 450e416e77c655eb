import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { type RawObject, rawAnswerIn } from '../../../src/domain/json/raw-object.ts'
import { ResultRedaction } from '../../../src/upstream/connection/decorators/result-redaction.ts'

const SECRET = 'sk-live/0123"abc'
const FORMS = [SECRET, 'sk-live%2F0123%22abc', Buffer.from(SECRET).toString('base64').replace(/=+$/, '')]

/** What becomes of a result, and how many places of it had a secret. */
async function clean<T extends RawObject | JsonObject>(
  result: T,
): Promise<{ result: T | JsonObject; counts: number[] }> {
  const counts: number[] = []
  const redaction = new ResultRedaction({ secrets: [SECRET], onRedacted: (count) => counts.push(count) })
  return { result: await redaction.clean(result), counts }
}

function raw(result: string): RawObject {
  const answer = rawAnswerIn([Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${result}}`)])
  if (answer === undefined) throw new Error('no answer')
  return answer.result
}

describe('a result', () => {
  test('without a secret is passed on as the same object, and counted as nothing', async () => {
    const value = { content: [{ type: 'text', text: 'sk-live' }], n: 1 }
    const bytes = raw(JSON.stringify(value))
    expect((await clean(value)).result).toBe(value)
    expect(await clean(bytes)).toEqual({ result: bytes, counts: [] })
  })

  test.each(FORMS)('has no secret in the form %s, at any depth and in names', async (form) => {
    const value = {
      content: [{ type: 'text', text: `a ${form} b ${form}` }],
      structuredContent: { [form]: [form, 1] },
    }
    const expected = {
      content: [{ type: 'text', text: 'a *** b ***' }],
      structuredContent: { '***': ['***', 1] },
    }
    expect(await clean(value)).toEqual({ result: expected, counts: [4] })
    expect(await clean(raw(JSON.stringify(value)))).toEqual({ result: expected, counts: [4] })
  })

  test('as bytes has none that is written with escapes', async () => {
    const escaped = Array.from(SECRET)
      .map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
    expect((await clean(raw(`{"a":"${escaped}"}`))).result).toEqual({ a: '***' })
  })

  test('that is nested without end is an error, and no way to pass a secret on', async () => {
    let value: JsonObject = { a: SECRET }
    for (let level = 0; level < 5000; level += 1) value = { a: value }
    await expect(clean(value)).rejects.toThrow('nested too deeply')
  })
})

test('secrets that may be any word stay in results', async () => {
  const redaction = new ResultRedaction({ secrets: ['admin'], onRedacted: () => undefined })
  const value = { text: 'the admin' }
  expect(await redaction.clean(value)).toBe(value)
})
