import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = (response: ServerResponse, id: unknown) => void
type Mood = keyof typeof MOODS

/** What becomes of a tool call. */
const MOODS = {
  well: (response, id) => reply(response, id, { content: [{ type: 'text', text: 'done' }] }),
  /** Says that it cannot be had, after it may have run. */
  broken: (response) => response.writeHead(503).end(),
  /** Says that it has not run. */
  refusing: (response) => response.writeHead(429).end(),
  /** Is gone after it may have run. */
  dying: (response) => response.destroy(),
  /** Does not answer until it is told to. */
  holding: () => undefined,
} satisfies Record<string, Answer>

/** A server over HTTP that lists two tools and treats calls as it is told. */
export interface MoodyServer extends AsyncDisposable {
  readonly url: string
  /** How it treats calls from now on, or only the next ones. */
  readonly feel: (...moods: [Mood, ...Mood[]]) => void
  /** Names of the tools called so far. */
  readonly calls: string[]
  /** Arguments of the last call. */
  readonly lastArguments: () => unknown
  /** Answers the calls that it holds. */
  readonly release: () => void
}

/** Each call takes the next mood; the last one stays. */
export async function startMoodyServer(): Promise<MoodyServer> {
  let moods: readonly Mood[] = ['well']
  let lastArguments: unknown
  const calls: string[] = []
  const held: [ServerResponse, unknown][] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const { id, method, params } = JSON.parse(body) as {
        id?: unknown
        method: string
        params?: { name?: string; arguments?: unknown }
      }
      if (id === undefined) return void response.writeHead(202).end()
      if (method !== 'tools/call') return answer(response, id, method)
      calls.push(params?.name ?? '')
      lastArguments = params?.arguments
      const [mood = 'well', ...rest] = moods
      if (rest.length > 0) moods = rest
      if (mood === 'holding') held.push([response, id])
      else MOODS[mood](response, id)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    feel: (...given) => (moods = given),
    calls,
    lastArguments: () => lastArguments,
    release: () => {
      for (const [response, id] of held.splice(0)) MOODS.well(response, id)
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, id: unknown, method: string): void {
  if (method === 'initialize')
    return reply(response, id, {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'moody', version: '0' },
    })
  const inputSchema = { type: 'object' }
  if (method === 'tools/list')
    return reply(response, id, {
      tools: [
        { name: 'act', inputSchema },
        { name: 'look', inputSchema, annotations: { readOnlyHint: true } },
      ],
    })
  if (method === 'ping') return reply(response, id, {})
  response.writeHead(400).end('no such method')
}

function reply(response: ServerResponse, id: unknown, result: unknown): void {
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}
