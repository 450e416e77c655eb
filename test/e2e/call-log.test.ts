import { PassThrough } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { createLogger } from '../../src/telemetry/logger.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway } from '../support/start-gateway.ts'
import { listen } from '../support/upstreams/sample-http.ts'

const RESULTS: Readonly<Record<string, unknown>> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 's', version: '1' },
  },
  'tools/list': { tools: ['say', 'fail'].map((name) => ({ name, inputSchema: { type: 'object' } })) },
  'tools/call': { content: [] },
}

test('the debug log says of a call that failed what its server said, without its secrets, and of the others that they were answered', async () => {
  const upstream = await listen(async (request, response) => {
    const {
      id,
      method = '',
      params,
    } = JSON.parse((await textOf(request)) || '{}') as {
      id?: number
      method?: string
      params?: { name?: string }
    }
    if (id === undefined) return void response.writeHead(202).end()
    if (params?.name === 'fail') return void response.writeHead(500).end(`no ${request.url} now`)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: RESULTS[method] ?? {} }))
  })
  const log = new PassThrough()
  const lines: Record<string, unknown>[] = []
  log.on('data', (line: Buffer) => lines.push(JSON.parse(line.toString()) as Record<string, unknown>))
  const document = {
    transport: 'streamable-http',
    era: 'legacy',
    url: `${upstream.url}?api_key=planted-in-the-query&api_key=planted-behind-it`,
  }
  const logger = createLogger({ level: 'debug', format: 'json', destination: log })
  const gateway = await startTestGateway({ shop: document }, { logger })
  try {
    const token = await gateway.token()
    for (const tool of ['shop_say', 'shop_fail'])
      await gateway.rest(token, 'POST', `/v1/tools/${tool}`, { arguments: {} }, { 'x-request-id': tool })
    const calls = await eventually(() => {
      const found = lines.filter(({ msg }) => msg === 'call')
      return found.length === 2 && found
    })
    expect(calls.map(({ time: _time, ...line }) => line)).toEqual([
      { level: 'debug', requestId: 'shop_say', target: 'shop_say', outcome: 'ok', msg: 'call' },
      {
        level: 'debug',
        requestId: 'shop_fail',
        target: 'shop_fail',
        outcome: 'error',
        code: 'upstream_bad_response',
        reason:
          'Server shop returned an invalid response (HTTP 500): Error POSTing to endpoint: no /mcp?api_key=***&api_key=*** now',
        msg: 'call',
      },
    ])
  } finally {
    await gateway.close()
    await upstream.close()
  }
})
