import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BridgeProcess, bridgeCommand } from './bridge-process.ts'
import { initialize } from './raw-mcp.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** A request that came to the server. */
export interface SeenRequest {
  readonly method: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type AnswerRequest = (response: ServerResponse, seen: SeenRequest) => void

/** A server that a test answers for, literally, and the bridges that are connected to it. */
export class BridgeWorld implements AsyncDisposable {
  readonly seen: SeenRequest[] = []
  answer: AnswerRequest = (response, { body }) => json(response, resultFor(body))
  readonly home: string
  readonly #dispose: () => PromiseLike<void>
  readonly #bridges: BridgeProcess[] = []
  #server: Server | undefined
  #port = 0

  private constructor(home: Awaited<ReturnType<typeof temporaryDirectory>>) {
    this.home = home.path
    this.#dispose = () => home[Symbol.asyncDispose]()
  }

  static async open(): Promise<BridgeWorld> {
    const world = new BridgeWorld(await temporaryDirectory())
    await world.listen()
    return world
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`
  }

  /** Opens the server, at the same port as before. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const one = { method: request.method ?? '', headers: request.headers, body }
        this.seen.push(one)
        this.answer(response, one)
      })
    }).listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    this.#port = typeof address === 'object' ? (address?.port ?? 0) : 0
    this.#server = server
  }

  /** Closes the server, with every connection. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }

  start(args: string[] = [], env: Record<string, string> = {}): BridgeProcess {
    return this.startAt(this.url, args, env)
  }

  startAt(url: string, args: string[] = [], env: Record<string, string> = {}): BridgeProcess {
    const bridge = new BridgeProcess(bridgeCommand(url, { home: this.home, args, env }))
    this.#bridges.push(bridge)
    return bridge
  }

  /** Answers as a server of 2025-06-18 with sessions `s1`, `s2`, …; the returned function ends the present one. */
  withSessions(onCall: AnswerRequest = (response, { body }) => json(response, resultFor(body))): () => void {
    let count = 0
    let current = ''
    this.answer = (response, one) => {
      if (one.method === 'GET') return void response.writeHead(405).end()
      if (one.method === 'DELETE') return void response.writeHead(200).end()
      const { id, method } = JSON.parse(one.body) as { id?: unknown; method: string }
      if (method === 'initialize') {
        current = `s${(count += 1)}`
        return json(response, resultFor(one.body, INITIALIZED), { 'mcp-session-id': current })
      }
      if (one.headers['mcp-session-id'] !== current)
        return void response.writeHead(404).end('no such session')
      if (id === undefined) return void response.writeHead(202).end()
      onCall(response, one)
    }
    return () => (current = 'none')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bridge of this.#bridges) {
      bridge.kill('SIGTERM')
      await bridge.exitCode()
    }
    await this.close()
    await this.#dispose()
  }
}

const INITIALIZED = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  serverInfo: { name: 'x', version: '1' },
}

export function json(response: ServerResponse, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text)
}

/** Begins a stream of events. */
export function events(response: ServerResponse, text: string): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
  return response
}

/** The response to the request that a body is. */
export function resultFor(body: string, result: unknown = {}): string {
  const { id } = JSON.parse(body) as { id?: unknown }
  return JSON.stringify({ jsonrpc: '2.0', id, result })
}

/** Opens a session as a client of the legacy era does. */
export async function openSession(bridge: BridgeProcess): Promise<void> {
  bridge.send(initialize('hello'))
  await bridge.answerTo('hello')
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
}
