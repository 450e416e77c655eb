import { Server } from '@modelcontextprotocol/server'

/** An MCP server whose tool `sign` says which server and which of its instances answered which call. */
export function fleetServer(identity: { server: string; instance: string }): Server {
  const server = new Server({ name: identity.server, version: '1' }, { capabilities: { tools: {} } })
  const inputSchema = { type: 'object', properties: { call: { type: 'string' } }, required: ['call'] }
  server.fallbackRequestHandler = ({ method, params }) => {
    if (method === 'tools/list') return Promise.resolve({ tools: [{ name: 'sign', inputSchema }] })
    const { call } = Object(params?.['arguments']) as { call: unknown }
    const text = JSON.stringify({ ...identity, call })
    return Promise.resolve({ content: [{ type: 'text', text }] })
  }
  return server
}
