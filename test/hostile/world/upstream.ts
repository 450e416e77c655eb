import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Fields = Record<string, unknown>

/** What a server got that looks like a request of JSON-RPC. */
export interface Received {
  readonly server: string
  readonly method: string
  readonly id: unknown
  readonly params: Fields
  readonly headers: IncomingMessage['headers']
}

/** How a server answers one method; true: in its own way, false: as usual. */
export type Behaviour = (received: Received, response: ServerResponse) => boolean | void

const INIT = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} },
  serverInfo: { name: 'by-hand', version: '1' },
}

const say = { name: 'say', description: 'says it', inputSchema: { type: 'object' } }

/** Servers of the legacy era over HTTP by hand, one for each path, with a ledger of all that they got. */
export class Upstreams implements AsyncDisposable {
  readonly ledger: Received[] = []
  readonly #server: Server
  readonly #behaviours = new Map<string, Behaviour>()

  private constructor(server: Server) {
    this.#server = server
    server.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response),
    )
  }

  static async open(): Promise<Upstreams> {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return new Upstreams(server)
  }

  /** The URL of a server, which behaves so from now on. */
  url(name: string, behaviour?: Behaviour): string {
    if (behaviour !== undefined) this.#behaviours.set(name, behaviour)
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`
  }

  /** Calls that reached any of them but that of the other tenant. */
  get calls(): number {
    return this.ledger.filter(({ server, method }) => server !== 'canary' && METHODS_OF_CALLS.has(method))
      .length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const server = request.url?.slice(1).split('?')[0] ?? ''
    response.on('error', () => undefined)
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const {
      id,
      method,
      params = {},
    } = JSON.parse(Buffer.concat(chunks).toString()) as Partial<Received> & { method: string }
    const received = { server, method, id, params, headers: request.headers }
    this.ledger.push(received)
    if (this.#behaviours.get(server)?.(received, response) === true) return
    if (id === undefined) return void response.writeHead(202).end()
    answer(response, id, usual(method, params))
  }
}

const METHODS_OF_CALLS = new Set(['tools/call', 'resources/read', 'prompts/get', 'completion/complete'])

function usual(method: string, params: Fields): Fields {
  switch (method) {
    case 'initialize':
      return INIT
    case 'tools/list':
      return { tools: [say] }
    case 'resources/list':
      return { resources: [{ name: 'a', uri: 'by-hand://a' }] }
    case 'resources/templates/list':
      return { resourceTemplates: [{ name: 'any', uriTemplate: 'by-hand://{id}' }] }
    case 'prompts/list':
      return { prompts: [{ name: 'greet' }] }
    case 'tools/call':
      return text(params['arguments'] === undefined ? 'none' : JSON.stringify(params['arguments']))
    case 'resources/read':
      return { contents: [{ uri: params['uri'], text: 'a' }] }
    case 'prompts/get':
      return { messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }] }
    default:
      return {}
  }
}

/** A result with one text. */
export const text = (value: string): Fields => ({ content: [{ type: 'text', text: value }] })

export function answer(response: ServerResponse, id: unknown, result: unknown): void {
  answerText(response, JSON.stringify({ jsonrpc: '2.0', id, result }))
}

/** Answers with that body, whatever it is. */
export function answerText(response: ServerResponse, body: string | Buffer, type = 'application/json'): void {
  response.writeHead(200, { 'content-type': type }).end(body)
}
