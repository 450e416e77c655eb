import { Server } from '@modelcontextprotocol/server'

let release: () => void = () => undefined
const released = new Promise<void>((resolve) => {
  release = resolve
})
process.on('SIGUSR2', () => release())

/**
 * An MCP server that signs its answers with its process id. Tools: `who`, and `hold`, which is answered only when the
 * process gets SIGUSR2.
 */
export function signedServer(): Server {
  const server = new Server({ name: 'signed', version: '1' }, { capabilities: { tools: {} } })
  server.fallbackRequestHandler = async ({ method, params }) => {
    if (method === 'tools/list')
      return { tools: ['who', 'hold'].map((name) => ({ name, inputSchema: { type: 'object' } })) }
    if (params?.['name'] === 'hold') await released
    return { content: [{ type: 'text', text: String(process.pid) }] }
  }
  return server
}
