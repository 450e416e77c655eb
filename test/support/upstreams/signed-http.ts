/** The signed server over HTTP. Arguments: the era it speaks, and its port or 0. Says at which port it listens. */
import { randomUUID } from 'node:crypto'
import { flushCompileCache } from 'node:module'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { listen } from './sample-http.ts'
import { signedServer } from './signed-server.ts'

const [, , era, port] = process.argv
const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
const modern = toNodeHandler(createMcpHandler(() => signedServer(), { legacy: 'reject' }))

async function transportOf(
  id: string | string[] | undefined,
): Promise<NodeStreamableHTTPServerTransport | undefined> {
  if (typeof id === 'string') return sessions.get(id)
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (session) => void sessions.set(session, transport),
  })
  await signedServer().connect(transport)
  return transport
}

const upstream = await listen(
  async (request, response) => {
    if (era === 'modern') {
      const { method = 'GET', url = '/' } = request
      await modern(Object.assign(request, { method, url }), response)
      return
    }
    const transport = await transportOf(request.headers['mcp-session-id'])
    if (transport === undefined) response.writeHead(404).end()
    else await transport.handleRequest(request, response)
  },
  undefined,
  { port: Number(port) },
)
process.stdout.write(`${upstream.port}\n`)
// It is killed, and would keep nothing of what it has compiled then.
flushCompileCache()
