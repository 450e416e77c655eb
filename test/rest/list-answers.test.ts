import { createServer, get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import express from 'express'
import { SharedGzip } from '../../src/rest/list-answer.ts'
import { toolRoutes } from '../../src/rest/tools.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { serverKey } from '../../src/domain/documents/server-definition.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { offer, principal, server, tool } from '../support/offers.ts'
import { callsThrough, catalogOf } from '../support/routing.ts'

const alpha = server({ name: 'alpha' })
const many = Array.from({ length: 60 }, (_, index) =>
  tool(`tool-${index}`, {
    description: `Does the work number ${index} – précisément`,
    title: `Tool ${index}`,
  }),
)
const catalog = catalogOf([alpha, offer({ tools: many })])
const http = createServer()

beforeAll(async () => {
  const app = express()
  app.set('etag', false)
  app.use((request, response, next) => {
    const subject = request.get('x-subject') ?? 'ann'
    response.locals.identity = { principal: principal({ subject }), requestId: 'r-1' }
    next()
  })
  app.use('/v1', toolRoutes({ catalog, calls: callsThrough(catalog, [], { clock: systemClock }) }))
  http.on('request', app).listen(0, '127.0.0.1')
  await once(http, 'listening')
})

afterAll(async () => {
  http.close()
  http.closeAllConnections()
  await once(http, 'close')
})

interface Listed {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** The list as it comes, compressed or not. */
async function list(query = '', headers: Record<string, string> = {}): Promise<Listed> {
  const address = http.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`http://127.0.0.1:${port}/v1/tools${query}`, { headers }, resolve).once('error', reject)
  })
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) }
}

function toolsIn({ body }: Listed): JsonObject[] {
  return (JSON.parse(body.toString()) as { tools: JsonObject[] }).tools
}

describe('a list of tools over REST', () => {
  test('is not sent again to whoever has it until it changes', async () => {
    const first = await list()
    expect(first.status).toBe(200)
    expect(first.headers).toMatchObject({
      vary: 'Accept-Encoding',
      etag: expect.stringMatching(/^W\/"[\w-]{22}-[\w-]{22}"$/),
    })
    const { etag = '' } = first.headers
    const again = await list('', { 'if-none-match': etag })
    expect([again.status, again.headers.etag, again.body.length]).toEqual([304, etag, 0])
    expect((await list('', { 'if-none-match': `"other", ${etag}` })).status).toBe(304)
    expect((await list('?limit=10', { 'if-none-match': etag })).status).toBe(200)

    catalog.setOffer(serverKey(alpha), offer({ tools: [...many, tool('tool-new')] }))
    const changed = await list('', { 'if-none-match': etag })
    expect([changed.status, toolsIn(changed).length]).toEqual([200, 61])
  })

  test('comes as gzip to callers who accept it, with the same content for each caller and page', async () => {
    for (const query of ['', '?limit=30', '?view=brief']) {
      for (const subject of ['ann', 'bob', 'ann']) {
        const plain = await list(query, { 'x-subject': subject })
        const zipped = await list(query, { 'x-subject': subject, 'accept-encoding': 'br, gzip' })
        expect([plain.headers['content-encoding'], zipped.headers['content-encoding']]).toEqual([
          undefined,
          'gzip',
        ])
        expect(gunzipSync(zipped.body)).toEqual(plain.body)
        expect(zipped.body.length).toBeLessThan(plain.body.length / 2)
        expect(zipped.headers.etag).toBe(plain.headers.etag)
      }
    }
    expect((await list('', { 'accept-encoding': 'gzip;q=0, identity' })).headers['content-encoding']).toBe(
      undefined,
    )
  })

  test('is left uncompressed where it is short or a search', async () => {
    const headers = { 'accept-encoding': 'gzip' }
    for (const query of ['?limit=2', '?query=work', '?server=nothing'])
      expect((await list(query, headers)).headers['content-encoding']).toBe(undefined)
  })

  test('has only names and descriptions where the caller asks for the brief view', async () => {
    const [brief] = toolsIn(await list('?view=brief&limit=1'))
    expect(brief).toEqual({
      name: 'alpha_tool-0',
      title: 'Tool 0',
      description: 'Does the work number 0 – précisément',
      id: 'alpha_tool-0',
      server: 'alpha',
    })
    const [full] = toolsIn(await list('?view=full&limit=1'))
    expect(full).toMatchObject({ ...brief, inputSchema: { type: 'object' } })
  })
})

describe('texts that share their beginning', () => {
  const shared = Buffer.from('The same words again and again. '.repeat(1000))

  test('are whole gzip files, whatever follows the beginning', async () => {
    const gzip = new SharedGzip()
    for (const own of ['', 'an end', 'ü'.repeat(32_767)]) {
      const zipped = await gzip.of(shared, own)
      expect(zipped && gunzipSync(zipped).toString()).toBe(shared.toString() + own)
    }
    expect(await gzip.of(shared, 'x'.repeat(65_536))).toBe(undefined)
    expect(await gzip.of(Buffer.from('short'), '')).toBe(undefined)
  })

  test('are compressed one beginning at a time: others that come meanwhile are not', async () => {
    const gzip = new SharedGzip()
    const both = [gzip.of(shared, 'a'), gzip.of(Buffer.from(shared), 'a'), gzip.of(shared, 'b')]
    const [first, other, same] = await Promise.all(both)
    expect([first === undefined, other, same === undefined]).toEqual([false, undefined, false])
  })
})
