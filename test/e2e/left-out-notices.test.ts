import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { pino } from 'pino'
import { eventually } from '../support/eventually.ts'
import { startTestGateway } from '../support/start-gateway.ts'
import { listen } from '../support/upstreams/sample-http.ts'

const NOTICES = 60_000

const event = (message: object): string =>
  `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`
const notice = event({ method: 'notifications/message', params: { level: 'info', data: 'd' } })
const changed = event({ method: 'notifications/tools/list_changed' })

/** A server that answers a call behind a flood of notifications, the last of which says that its tools have changed. */
function noisy(): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const tools = ['first']
  const results: Record<string, () => object> = {
    initialize: () => ({
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: true }, logging: {} },
      serverInfo: { name: 'noisy', version: '1' },
    }),
    'tools/list': () => ({ tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) }),
  }
  return async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method } = JSON.parse(await text(request)) as { id?: number; method: string }
    if (id === undefined) return void response.writeHead(202).end()
    if (method !== 'tools/call') {
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method]?.() ?? {} }))
    }
    tools.push(`tool-${tools.length}`)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(notice.repeat(NOTICES) + changed + event({ id, result: { content: [] } }))
  }
}

test('of a flood the last change is announced, and operators are told how many notifications were left out', async () => {
  const upstream = await listen((request, response) => void noisyServer(request, response))
  const noisyServer = noisy()
  const lines: Record<string, unknown>[] = []
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) })
  // With the limit of time the SDK sends its calls.
  const server = { transport: 'streamable-http', url: upstream.url, era: 'legacy', maxTotalMs: 60_000 }
  const gateway = await startTestGateway({ noisy: server }, { logger })
  try {
    const token = await gateway.token()
    const ids = async (): Promise<unknown> => (await gateway.rest(token, 'GET', '/v1/tools')).body['tools']
    for (const last of ['tool-1', 'tool-2']) {
      const { status } = await gateway.rest(token, 'POST', '/v1/tools/noisy_first', { arguments: {} })
      expect(status).toBe(200)
      await eventually(async () => JSON.stringify(await ids()).includes(`noisy_${last}`))
    }
    const metrics = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
    const [, counted] = /^gateway_notifications_left_out_total\{server="noisy"\} (\d+)$/m.exec(metrics) ?? []
    // Ten thousand of each flood pass, and a thousand for each second that it takes.
    expect(Number(counted)).toBeGreaterThan(0)
    expect(Number(counted)).toBeLessThan(2 * (NOTICES - 9999))
    const told = lines.filter(({ msg }) => String(msg).includes('too many notifications'))
    expect(told).toMatchObject([{ level: 40, server: 'local/noisy', count: expect.any(Number) }])
  } finally {
    await gateway.close()
    await upstream.close()
  }
})
