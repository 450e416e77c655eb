import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { Server } from '@modelcontextprotocol/server'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

/** A server of 2025-11-25 over Streamable HTTP that can be restarted on its port, which ends all sessions. */
export class RestartableServer {
  /** Arguments of the calls that ran, over all restarts. */
  readonly ran: unknown[] = []
  /** What is watched in the present sessions. */
  readonly watched = new Set<string>()
  /** Sessions that were opened so far. */
  opened = 0
  /** Of these, sessions that the gateway ended. */
  ended = 0
  readonly #sessions = new Map<string, { server: Server; transport: NodeStreamableHTTPServerTransport }>()
  #http: HttpUpstream | undefined

  get url(): string {
    return this.#http?.url ?? ''
  }

  async start(port = 0): Promise<void> {
    this.#http = await listen(
      async (request, response) => {
        const id = request.headers['mcp-session-id']
        const session = typeof id === 'string' ? this.#sessions.get(id) : await this.#open()
        if (session === undefined) response.writeHead(404).end()
        else await session.transport.handleRequest(request, response)
      },
      undefined,
      { port },
    )
  }

  async restart(): Promise<void> {
    const port = this.#http?.port
    await this.close()
    this.#sessions.clear()
    this.watched.clear()
    await this.start(port)
  }

  /** Announces a change of a resource in every session. */
  touch(uri: string): void {
    for (const { server } of this.#sessions.values()) void server.sendResourceUpdated({ uri })
  }

  async close(): Promise<void> {
    await this.#http?.close()
  }

  async #open(): Promise<{ server: Server; transport: NodeStreamableHTTPServerTransport }> {
    const server = this.#server()
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        this.opened += 1
        this.#sessions.set(id, { server, transport })
      },
      onsessionclosed: () => {
        this.ended += 1
      },
    })
    await server.connect(transport)
    return { server, transport }
  }

  #server(): Server {
    const server = new Server(
      { name: 'restartable', version: '1' },
      { capabilities: { tools: {}, resources: { subscribe: true } } },
    )
    server.fallbackRequestHandler = ({ method, params }) => {
      if (method === 'tools/list') return Promise.resolve({ tools: this.#tools(server) })
      if (method === 'tools/call') this.ran.push(params?.['arguments'])
      if (method === 'resources/subscribe') this.watched.add(String(params?.['uri']))
      if (method === 'resources/unsubscribe') this.watched.delete(String(params?.['uri']))
      return Promise.resolve(method === 'tools/call' ? { content: [{ type: 'text', text: 'ran' }] } : {})
    }
    return server
  }

  #tools(server: Server): object[] {
    const canSample = server.getClientCapabilities()?.sampling !== undefined
    return ['plain', ...(canSample ? ['samples'] : [])].map((name) => ({
      name,
      inputSchema: { type: 'object' },
    }))
  }
}
