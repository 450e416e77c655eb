import { randomBytes } from 'node:crypto'
import { brotliCompressSync, createGzip, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { answering, ended, EVENTS, JSON_TYPE, Posting, send } from '../../support/posting.ts'

const posting = new Posting()

afterEach(() => posting.close())

describe('a response', () => {
  test.each([
    ['gzip', gzipSync],
    ['X-GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('is read although it is compressed: %s', async (coding, compress) => {
    const { post } = await posting.open(
      answering(200, { ...JSON_TYPE, 'content-encoding': coding }, compress('{"a":1}')),
    )
    const sent = send(post)
    expect(await ended(sent)).toBeUndefined()
    expect(sent.messages).toEqual(['{"a":1}'])
  })

  test('is read as it comes when a stream is compressed', async () => {
    const gzip = createGzip()
    const { post } = await posting.open((_request, response) => {
      gzip.pipe(response.writeHead(200, { ...EVENTS, 'content-encoding': 'gzip' }))
      gzip.write('data: a\n\n')
      gzip.flush()
    })
    const sent = send(post)
    await eventually(() => sent.messages.length === 1)
    gzip.end('data: b\n\n')
    expect(await ended(sent)).toBeUndefined()
    expect(sent.messages).toEqual(['a', 'b'])
  })

  test('has a readable refusal although it is compressed', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    const { post } = await posting.open(answering(503, headers, gzipSync('busy')))
    expect(await ended(send(post))).toMatchObject({
      name: 'SdkHttpError',
      data: { status: 503, text: 'busy' },
    })
  })

  test('ends at the limit when little becomes much', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    const { post } = await posting.open(answering(200, headers, gzipSync('x'.repeat(50_000_000))))
    const sent = send(post)
    expect(await ended(sent)).toMatchObject({ name: 'ResponseTooLarge' })
    expect([sent.messages, sent.ends.length]).toEqual([[], 1])
  })

  test('is read whole when it is larger than what a decoder takes at once', async () => {
    const noise = randomBytes(600_000).toString('base64')
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    const { post } = await posting.open(answering(200, headers, gzipSync(noise)), { maxBytes: 1_000_000 })
    const sent = send(post)
    expect(await ended(sent)).toBeUndefined()
    expect(sent.messages[0] === noise).toBe(true)
  })
})
