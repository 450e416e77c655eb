import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { TextResult, textResultIn } from '../../../src/domain/json/text-result.ts'

const ID = 1_000_000_007

function found(result: unknown): TextResult | undefined {
  return textResultIn(JSON.stringify({ jsonrpc: '2.0', id: ID, result }), ID)
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('"', '\\', '\n\r\t', '}', '"}],"', '\u2028'),
)
const blocks = fc.array(fc.record({ type: fc.constant('text'), text }), { maxLength: 4 })
const results = fc
  .tuple(blocks, fc.option(fc.boolean(), { nil: undefined }), fc.boolean())
  .map(([content, isError, isComplete]) => ({
    content,
    ...(isError !== undefined && { isError }),
    ...(isComplete && { resultType: 'complete' }),
  }))

describe('a result of texts', () => {
  test('is what JSON.parse and JSON.stringify make of it, without what concerns only the hop', () => {
    fc.assert(
      fc.property(results, fc.boolean(), (result, isResultFirst) => {
        const message = isResultFirst
          ? JSON.stringify({ result, jsonrpc: '2.0', id: ID })
          : JSON.stringify({ jsonrpc: '2.0', id: ID, result })
        const seen = textResultIn(message, ID)
        const { resultType: _ofThisHop, ...expected } = result
        if (seen === undefined) return
        expect(seen.json).toBe(JSON.stringify(expected))
        expect(seen.parse()).toEqual(expected)
        expect(seen.size).toBe(Buffer.byteLength(JSON.stringify(expected)))
        expect(seen.get('isError')).toBe(result.isError)
        expect(seen.get('content')).toEqual(result.content)
        expect(Buffer.concat(seen.chunks()).toString()).toBe(JSON.stringify(expected))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['one text', { content: [{ type: 'text', text: 'hello' }] }],
    [
      'several texts',
      {
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'é \ud83d\ude00' },
        ],
      },
    ],
    ['no text', { content: [] }],
    ['quotes, backslashes and line ends', { content: [{ type: 'text', text: '"\\\n\r\t\b\f' }] }],
    ['a failure', { content: [{ type: 'text', text: 'no' }], isError: true }],
    ['an explicit success', { content: [{ type: 'text', text: 'yes' }], isError: false }],
    ['a complete result of 2026-07-28', { content: [{ type: 'text', text: 'x' }], resultType: 'complete' }],
  ])('is found: %s', (_name, result) => {
    expect(found(result)).toBeInstanceOf(TextResult)
  })

  test.each([
    ['an image', { content: [{ type: 'image', data: '', mimeType: 'image/png' }] }],
    ['a link to a resource', { content: [{ type: 'resource_link', uri: 'a://b', name: 'b' }] }],
    ['a text with annotations', { content: [{ type: 'text', text: 'x', annotations: {} }] }],
    ['structured content', { content: [], structuredContent: {} }],
    ['metadata', { content: [], _meta: {} }],
    ['a question', { content: [], resultType: 'input_required' }],
    ['no content', { isError: false }],
    ['a text that is null', { content: [{ type: 'text', text: null }] }],
    ['a code that is written as an escape', { content: [{ type: 'text', text: '\u0001' }] }],
  ])('is left to the parser: %s', (_name, result) => {
    expect(found(result)).toBeUndefined()
  })

  test.each([
    ['another id', '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'],
    ['an id that only begins so', `{"jsonrpc":"2.0","id":${ID}0,"result":{"content":[]}}`],
    ['an id as text', `{"jsonrpc":"2.0","id":"${ID}","result":{"content":[]}}`],
    ['blanks', `{"jsonrpc": "2.0", "id": ${ID}, "result": {"content": []}}`],
    ['text behind the message', `{"jsonrpc":"2.0","id":${ID},"result":{"content":[]}}x`],
    ['a second result', `{"jsonrpc":"2.0","id":${ID},"result":{"content":[]},"result":{}}`],
    ['an error beside the result', `{"result":{"content":[]},"error":{},"jsonrpc":"2.0","id":${ID}}`],
    [
      'a list that is not closed',
      `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"x"}}}`,
    ],
    ['a comma too much', `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"x"},]}}`],
    [
      'no comma',
      `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"x"}{"type":"text","text":"y"}]}}`,
    ],
    [
      'an escape that JSON does not know',
      `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"\\x"}]}}`,
    ],
    [
      'an escape that JSON.stringify does not write',
      `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"\\/"}]}}`,
    ],
    [
      'a line end in a text',
      `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"\n"}]}}`,
    ],
    ['a message that is cut', `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"x`],
    [
      'a message that is cut behind a backslash',
      `{"jsonrpc":"2.0","id":${ID},"result":{"content":[{"type":"text","text":"\\`,
    ],
    ['nothing', ''],
  ])('is not found in a message with %s', (_name, message) => {
    expect(textResultIn(message, ID)).toBeUndefined()
  })

  test('can be changed like any other, and has no member but its own', () => {
    const result = found({ content: [{ type: 'text', text: 'a "name"' }], isError: false })
    expect(result?.with({ isError: true, added: 1 }).parse()).toEqual({
      content: [{ type: 'text', text: 'a "name"' }],
      isError: true,
      added: 1,
    })
    expect(result?.has('content')).toBe(true)
    expect(result?.has('isError')).toBe(true)
    expect(result?.has('_meta')).toBe(false)
    expect(result?.get('_meta')).toBeUndefined()
    expect(result?.mayMention('text')).toBe(true)
    expect(result?.mayMention('uri')).toBe(false)
  })
})
