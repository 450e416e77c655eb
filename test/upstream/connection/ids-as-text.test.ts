import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { isJsonObject } from '../../../src/domain/json/json.ts'
import { isMistakable, isSameId, meantId } from '../../../src/upstream/messages/message-id.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { callTool, Connecting } from './connecting.ts'

const connecting = new Connecting()
let upstream: HttpUpstream

type Message = { id?: number; method: string; params?: { name?: string; [member: string]: unknown } }

const OPENED = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'x', version: '0' },
}

/** A server in a language that has one type for all ids: text. */
async function answerAsText(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return void response.writeHead(405).end()
  const { id, method, params } = (await json(request)) as Message
  if (id === undefined) return void response.writeHead(202).end()
  const write = (message: object): void =>
    void response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const meta = params?.['_meta']
  const progressToken = isJsonObject(meta) ? meta['progressToken'] : undefined
  if (typeof progressToken === 'number') {
    const steps = {
      method: 'notifications/progress',
      params: { progressToken: String(progressToken), progress: 1 },
    }
    write(steps)
  }
  if (params?.name === 'odd')
    for (const odd of ['', ' ', `0x${id.toString(16)}`, `${id}.0`]) write({ id: odd, result: {} })
  if (params?.name === 'fail')
    write({ id: String(id), error: { code: -32_050, message: 'no', data: { x: 1 } } })
  else write({ id: String(id), result: method === 'initialize' ? OPENED : { content: [], own: { deep: 1 } } })
  response.end()
}

beforeEach(async () => {
  upstream = await listen(answerAsText)
})

afterEach(async () => {
  await connecting.closeAll()
  await upstream.close()
})

describe('a server that gives ids back as text', () => {
  test('is understood: results and errors with every field, and progress', async () => {
    const server = definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' })
    const { connection } = await connecting.open(server)
    expect(await callTool(connection, 'x')).toEqual({ content: [], own: { deep: 1 } })
    await expect(callTool(connection, 'fail')).rejects.toMatchObject({
      code: 'upstream_error',
      facts: { upstream: { code: -32_050, message: 'no', data: { x: 1 } } },
    })
    const progress: unknown[] = []
    const onProgress = (step: unknown): void => void progress.push(step)
    const options = { signal: undefined, timeoutMs: 5000, onProgress }
    await connection.request('tools/call', { name: 'x' }, options)
    expect(progress).toEqual([{ progress: 1 }])
  })

  test('answers with nothing but digits: no other text is taken for an id', async () => {
    const server = definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' })
    const { connection } = await connecting.open(server)
    expect(await callTool(connection, 'odd')).toEqual({ content: [], own: { deep: 1 } })
  })
})

test.each([
  [7, 7, true],
  ['7', 7, true],
  ['007', 7, true],
  ['listen:1', 'listen:1', true],
  ['7', '7', true],
  [8, 7, false],
  ['', 0, false],
  [' 7', 7, false],
  ['7.0', 7, false],
  ['0x7', 7, false],
  ['9007199254740993', 9_007_199_254_740_992, false],
  [null, 0, false],
  [undefined, undefined, false],
  [[7], 7, false],
])('whether %j means %j: %s', (given, id, isSame) => {
  expect(isSameId(given, id)).toBe(isSame)
})

test('only digits are a number, and what else could be read as one is told', () => {
  expect(['7', 7, 'a', {}, null, true].map(meantId)).toEqual([7, 7, 'a', undefined, undefined, undefined])
  expect(['', ' ', '0x7', '7e1', '1'.repeat(16)].map(isMistakable)).toEqual([true, true, true, true, true])
  expect(['7', 'a', 'listen:1', 7, undefined].map(isMistakable)).toEqual([false, false, false, false, false])
})
