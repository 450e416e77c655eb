/**
 * An echo server over Streamable HTTP on bare `node:http`, for clients of 2026-07-28 and of 2025-11-25. The URL says how
 * it behaves: `?tools=100`, `?era=legacy`, `?answer=sse` (an event stream instead of JSON, as for every call that wants
 * progress messages). Prints its URL.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listenAndPrint } from './listen.ts'
import { answerTo, type EchoOptions, progressOf } from './echo.ts'

interface Behaviour extends EchoOptions {
  readonly isStream: boolean
}

const behaviours = new Map<string, Behaviour>()

listenAndPrint(createServer(receive), '/mcp')

function receive(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'POST') {
    request.resume()
    return void response.writeHead(request.method === 'DELETE' ? 204 : 405).end()
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => answer(Buffer.concat(chunks).toString(), request, response))
}

function answer(text: string, { url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const { isStream, ...options } = behaviourAt(url)
  const message = answerTo(text, options)
  if (message === undefined) return void response.writeHead(202).end()
  if (text.includes('"steps":')) {
    response.writeHead(200, ['content-type', 'text/event-stream'])
    return sendEvents([...progressOf(text), message].values(), response)
  }
  const session =
    headers['mcp-protocol-version'] === undefined && message.includes('"serverInfo"')
      ? ['mcp-session-id', randomUUID()]
      : []
  const body = isStream ? eventOf(message) : message
  const type = isStream ? 'text/event-stream' : 'application/json'
  const length = isStream ? [] : ['content-length', String(Buffer.byteLength(body))]
  response.writeHead(200, ['content-type', type, ...length, ...session]).end(body)
}

/** One event in each turn of the event loop, as from a tool that works between them. */
function sendEvents(messages: Iterator<string>, response: ServerResponse): void {
  const next = messages.next()
  if (next.done === true) return void response.end()
  response.write(eventOf(next.value))
  setImmediate(() => sendEvents(messages, response))
}

function eventOf(message: string): string {
  return `event: message\ndata: ${message}\n\n`
}

function behaviourAt(url: string): Behaviour {
  const known = behaviours.get(url)
  if (known !== undefined) return known
  const query = new URL(url, 'http://localhost').searchParams
  const found: Behaviour = {
    tools: Number(query.get('tools') ?? 10),
    era: query.get('era') === 'legacy' ? 'legacy' : 'modern',
    isStream: query.get('answer') === 'sse',
  }
  behaviours.set(url, found)
  return found
}
