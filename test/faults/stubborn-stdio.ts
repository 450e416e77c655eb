/** An MCP server over stdio that answers no call, and ends only when it is killed. */
import { createInterface } from 'node:readline'

process.on('SIGTERM', () => undefined)
setInterval(() => undefined, 1000)

const RESULTS: Record<string, unknown> = {
  initialize: {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'stubborn', version: '1' },
  },
  'tools/list': { tools: [{ name: 'hang', inputSchema: { type: 'object' } }] },
  ping: {},
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line) as { id?: number; method: string }
  const result = RESULTS[method]
  if (id !== undefined && result !== undefined)
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
})
