/**
 * Fleet servers over HTTP in one process, each instance at a port of its own, which is how it signs. Arguments:
 * `name:era:instances` for each. Says as one line of JSON at which URLs they listen, by name.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, type Server } from '@modelcontextprotocol/server'
import { fleetServer } from './fleet-server.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>

function modern(made: () => Server): Answer {
  const answer = toNodeHandler(createMcpHandler(made, { legacy: 'reject' }))
  return (request, response) => {
    const { method = 'GET', url = '/' } = request
    return answer(Object.assign(request, { method, url }), response)
  }
}

function legacy(made: () => Server): Answer {
  const sessions = new Map<unknown, NodeStreamableHTTPServerTransport>()
  return async (request, response) => {
    const id = request.headers['mcp-session-id']
    const known = sessions.get(id)
    const transport =
      known ??
      new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (session) => void sessions.set(session, transport),
      })
    if (known === undefined) await made().connect(transport)
    await transport.handleRequest(request, response)
  }
}

async function listening(server: string, era: string | undefined): Promise<string> {
  const http = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await new Promise((resolve) => http.once('listening', resolve))
  const { port } = http.address() as AddressInfo
  const answer = (era === 'modern' ? modern : legacy)(() => fleetServer({ server, instance: String(port) }))
  return `http://127.0.0.1:${port}/mcp`
}

const urls: Record<string, string[]> = {}
for (const [name = '', era, count] of process.argv.slice(2).map((text) => text.split(':'))) {
  urls[name] = await Promise.all(Array.from({ length: Number(count) }, () => listening(name, era)))
}
process.stdout.write(`${JSON.stringify(urls)}\n`)
// It is killed, and would keep nothing of what it has compiled then.
flushCompileCache()
