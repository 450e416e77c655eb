import { expect, test } from '@jest/globals'
import { boundedText, chunksOf } from '../../../src/domain/text/bounded-text.ts'

test('reads text whose characters are spread over chunks', async () => {
  async function* chunks() {
    yield await Promise.resolve(new Uint8Array([0x61, 0xc3]))
    yield new Uint8Array([0xa4])
  }
  expect(await boundedText(chunks(), 3)).toBe('aä')
})

test('reads no more of what is larger than the limit, and releases it', async () => {
  const seen: string[] = []
  async function* endless() {
    try {
      for (;;) {
        seen.push('chunk')
        yield await Promise.resolve(new Uint8Array(10))
      }
    } finally {
      seen.push('released')
    }
  }
  expect(await boundedText(endless(), 15)).toBeUndefined()
  expect(seen).toEqual(['chunk', 'chunk', 'released'])
})

test('a response without a body is an empty text', async () => {
  expect(await boundedText(chunksOf(new Response(null)), 1)).toBe('')
})
