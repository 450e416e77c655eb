import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a raw server does with a tool call. */
export type AnswerCall = (response: ServerResponse, id: unknown) => void

/** The least that a legacy server can be, with an answer of its own to tool calls and, if it knows that, to pings. */
export function rawLegacy(
  request: IncomingMessage,
  response: ServerResponse,
  answer: AnswerCall = (_response, id) => reply(response, id, {}),
  ping?: () => unknown,
): void {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method } = JSON.parse(body) as { id?: unknown; method: string }
    if (id === undefined) return void response.writeHead(202).end()
    if (method === 'tools/call') return answer(response, id)
    if (method === 'ping' && ping !== undefined) return reply(response, id, ping())
    if (method !== 'initialize') return void response.writeHead(400).end('no such method')
    return reply(response, id, {
      protocolVersion: '2025-06-18',
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'raw', version: '0' },
    })
  })
}

function reply(response: ServerResponse, id: unknown, result: unknown): void {
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}
