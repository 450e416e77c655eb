import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({ everything })
})

afterAll(() => gateway.close())

test('an SSE client that does not read loses its stream before its answers fill the memory', async () => {
  const authorization = `Bearer ${await gateway.token()}`
  const { hostname, port } = new URL(gateway.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET /sse HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: ${authorization}\r\n\r\n`)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  const endpoint = /data: (\S+)/.exec(chunk.toString())?.[1] ?? ''
  socket.pause()
  const post = async (message: unknown): Promise<number> => {
    const response = await fetch(gateway.url + endpoint, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
    await response.text()
    return response.status
  }
  await post({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'slow', version: '1' } },
  })
  const message = 'x'.repeat(4_000_000)
  let id = 0
  const status = await eventually(
    async () => {
      id += 1
      const params = { name: 'everything_echo', arguments: { message } }
      const answer = await post({ jsonrpc: '2.0', id, method: 'tools/call', params })
      return answer !== 202 && answer
    },
    { timeoutMs: 25_000, what: 'the end of the stream' },
  )
  socket.destroy()
  expect(status).toBe(404)
  expect(id).toBeGreaterThan(4)
})
