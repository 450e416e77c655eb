import { describe, expect, test } from '@jest/globals'
import { previewOf, wholeText } from '../../../src/calls/results/preview.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'

const LINK = {
  uri: 'tool-gateway://results/files/aaaaaaaaaaaaaaaaaaaaaaaa',
  until: '2026-01-01T01:00:00.000Z',
}

const texts = (...all: string[]): JsonObject => ({ content: all.map((text) => ({ type: 'text', text })) })
const previewed = (result: JsonObject, maxBytes: number, link?: typeof LINK): JsonObject =>
  previewOf(result, wholeText(result), { link, maxBytes })
const firstText = ({ content }: JsonObject): string => (content as { text: string }[])[0]?.text ?? ''

describe('the whole', () => {
  test('of texts is the texts, and of anything else the result as JSON', () => {
    expect(wholeText(texts('a', 'b'))).toEqual({ text: 'a\nb', mimeType: 'text/plain' })
    const image = { content: [{ type: 'image', data: 'aa', mimeType: 'image/png' }] }
    expect(wholeText(image)).toEqual({ text: JSON.stringify(image), mimeType: 'application/json' })
    const structured = { content: [], structuredContent: { a: 1 } }
    expect(wholeText(structured)).toEqual({ text: JSON.stringify(structured), mimeType: 'application/json' })
  })
})

describe('a preview', () => {
  test('has the beginning and the end, what is left out, and the link to the whole', () => {
    const result = {
      ...texts(`${'a'.repeat(5000)}${'b'.repeat(5000)}`),
      structuredContent: { x: 1 },
      isError: true,
    }
    const shown = previewed(result, 2000, LINK)
    expect(firstText(shown)).toMatch(
      /^a{500,}\n\n\[\d+ of 10000 bytes \(about \d+ tokens\) are left out here\. The whole result is the resource tool-gateway:\S+ until 2026-01-01T01:00:00\.000Z\. [^\]]+\]\n\nb{200,}$/,
    )
    expect((shown['content'] as unknown[])[1]).toEqual({
      type: 'resource_link',
      uri: LINK.uri,
      name: 'whole result',
      mimeType: 'text/plain',
      size: 10_000,
    })
    expect([shown['isError'], shown['structuredContent']]).toEqual([true, undefined])
    expect(shown['_meta']).toMatchObject({ 'tool-gateway/preview': { bytes: 10_000, ...LINK } })
  })

  test.each([
    ['plain text', 'x'],
    ['text that JSON escapes', '"\\\n'],
    ['text of several bytes a character', '漢😀ü'],
  ])('of %s is never larger than the limit, and cuts no character', (_what, unit) => {
    for (const maxBytes of [2000, 10_000, 10_001, 10_002, 10_003]) {
      const shown = previewed(texts(unit.repeat(100_000)), maxBytes, LINK)
      expect(Buffer.byteLength(JSON.stringify(shown))).toBeLessThanOrEqual(maxBytes)
      expect(firstText(shown)).not.toContain('\ufffd')
    }
  })

  test('says that the rest is lost, if the result could not be stored', () => {
    const shown = previewed(texts('a'.repeat(10_000)), 2000)
    expect(firstText(shown)).toContain('The whole result could not be kept.')
    expect(shown['content']).toHaveLength(1)
  })

  test('retains the members next to the content, unless they are large', () => {
    expect(previewed({ ...texts('a'.repeat(9000)), _meta: { a: 1 } }, 2000)['_meta']).toMatchObject({ a: 1 })
    const large = { ...texts('a'.repeat(9000)), _meta: { a: 'x'.repeat(5000) } }
    expect(previewed(large, 2000)['_meta']).not.toHaveProperty('a')
  })
})
