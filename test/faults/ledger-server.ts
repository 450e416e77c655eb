/**
 * An MCP server that writes down each call before it answers: `node ledger-server.ts <ledger>` prints its port. Its tools:
 * `write` and `slow` (for `ms`) write their `id`; `ask` asks its client; `count` counts the calls of a connection; `grow`
 * adds a tool, and announces it to nobody.
 */
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { Server } from '@modelcontextprotocol/server'

type Fields = Record<string, unknown>

const ledger = process.argv[2] ?? ''
const ID = { type: 'object', properties: { id: { type: 'string' }, ms: { type: 'number' } } }
const TOOLS = ['write', 'slow', 'ask', 'count', 'grow'].map((name) => ({
  name,
  inputSchema: ID,
  annotations: name === 'count' ? { readOnlyHint: true } : { readOnlyHint: false, destructiveHint: false },
}))
const TOOL = { inputSchema: ID, annotations: { readOnlyHint: true } }
const sessions = new Map<string, NodeStreamableHTTPServerTransport>()

function ledgerServer(): Server {
  let calls = 0
  const server = new Server(
    { name: 'ledger', version: '1' },
    { capabilities: { tools: {}, resources: { subscribe: true } } },
  )
  server.setRequestHandler('tools/list', () => ({ tools: TOOLS }) as never)
  server.setRequestHandler('resources/list', () => ({
    resources: [{ uri: 'ledger://all', name: 'all' }],
  }))
  server.setRequestHandler('resources/subscribe', ({ params }) => {
    setTimeout(() => void server.sendResourceUpdated({ uri: params.uri }).catch(() => undefined), 300)
    return {}
  })
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const args: Fields = params.arguments ?? {}
    calls += 1
    const answer = (text: string): never => ({ content: [{ type: 'text', text }] }) as never
    if (params.name === 'count') return answer(String(calls))
    if (params.name === 'grow') {
      TOOLS.push({ ...TOOL, name: String(args['id']) })
      return answer(`grew ${String(args['id'])}`)
    }
    if (params.name === 'ask') {
      const asked = {
        method: 'elicitation/create',
        params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } },
      }
      const given = await mcpReq.send(asked as never)
      return answer(JSON.stringify(given))
    }
    appendFileSync(ledger, `${String(args['id'])}\n`)
    if (params.name === 'slow') await new Promise((resolve) => setTimeout(resolve, Number(args['ms'] ?? 100)))
    return answer(`wrote ${String(args['id'])}`)
  })
  return server
}

const http = createServer((request, response) => {
  void (async () => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    })
    await ledgerServer().connect(transport)
    await transport.handleRequest(request, response)
  })().catch(() => response.destroy())
})
http.listen(0, '127.0.0.1', () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`))
