import { request } from 'undici'
import { WebSocket } from 'ws'
import type { Caller, CallerOptions } from './caller.ts'
import { argumentsOf, requestOf } from './http-callers.ts'
import { bodyOf, Poster } from './post.ts'

const LEGACY = '2025-11-25'
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
const NEWLINE = 10
const ACCEPT = { accept: 'application/json, text/event-stream' }

/** A client of 2025-11-25 with its session. */
export async function legacyCaller(options: CallerOptions): Promise<Caller> {
  const { url } = options
  const authorization = options.authorization()
  const opening = new Poster(url, { ...ACCEPT, ...authorization })
  const opened = await opening.send(initialize(LEGACY))
  bodyOf(opened)
  await opening.close()
  const session = {
    'mcp-session-id': String(opened.headers['mcp-session-id']),
    'mcp-protocol-version': LEGACY,
  }
  const poster = new Poster(url, { ...ACCEPT, ...authorization, ...session })
  bodyOf(await poster.send(INITIALIZED), 202)
  let id = 0
  return {
    call: async (message) => bodyOf(await poster.send(callOf((id += 1), message, options))),
    close: async () => {
      await poster.send(undefined, { method: 'DELETE' })
      await poster.close()
    },
  }
}

/** A client of 2024-11-05: answers come over the event stream that is the session. */
export async function sseCaller(options: CallerOptions): Promise<Caller> {
  const { url, pool } = options
  const authorization = options.authorization()
  const cut = new AbortController()
  const { statusCode, body } = await request(url, {
    headers: { accept: 'text/event-stream', ...authorization },
    signal: cut.signal,
    bodyTimeout: 0,
  })
  if (statusCode !== 200) throw new Error(`the event stream was answered ${statusCode}`)
  const waiting = new Waiting()
  void readEvents(body, (event) => waiting.take(event)).catch((error: unknown) => waiting.fail(error))
  const [, path = ''] = /data: (\S+)/.exec(await waiting.next()) ?? []
  const poster = new Poster(new URL(path, url), authorization, pool)
  const post = async (text: string): Promise<string> => {
    const answer = waiting.next()
    bodyOf(await poster.send(text), 202)
    return answer
  }
  await post(initialize('2024-11-05'))
  bodyOf(await poster.send(INITIALIZED), 202)
  let id = 0
  return {
    call: (message) => post(callOf((id += 1), message, options)),
    close: async () => {
      cut.abort()
      await poster.close()
    },
  }
}

/** A client over WebSocket, in the revision of 2025-11-25. */
export async function webSocketCaller(options: CallerOptions): Promise<Caller> {
  const { url } = options
  const target = new URL(url)
  target.protocol = 'ws'
  const socket = new WebSocket(target, ['mcp'], {
    headers: options.authorization(),
    perMessageDeflate: false,
  })
  const waiting = new Waiting()
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.on('message', (data: Buffer) => waiting.take(data.toString()))
  socket.on('close', (code) => waiting.fail(new Error(`the socket closed with ${code}`)))
  const send = (text: string): Promise<string> => {
    const answer = waiting.next()
    socket.send(text)
    return answer
  }
  await send(initialize(LEGACY))
  socket.send(INITIALIZED)
  let id = 0
  return {
    call: (message) => send(callOf((id += 1), message, options)),
    close: () => Promise.resolve(socket.close(1000)),
  }
}

/** The one message that is waited for. */
class Waiting {
  #next = Promise.withResolvers<string>()

  constructor() {
    this.#next.promise.catch(() => undefined)
  }

  next(): Promise<string> {
    return this.#next.promise
  }

  /** Takes a message. Notifications and requests of the server are no answers. */
  take(text: string): void {
    if (text.includes('"method":')) return
    const { resolve } = this.#next
    this.#next = Promise.withResolvers()
    this.#next.promise.catch(() => undefined)
    resolve(text)
  }

  fail(error: unknown): void {
    this.#next.reject(error)
  }
}

async function readEvents(body: AsyncIterable<Buffer>, take: (event: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of body) {
    rest += chunk.toString()
    if (chunk.at(-1) !== NEWLINE || !rest.endsWith('\n\n')) continue
    for (const event of rest.split('\n\n')) if (event.includes('data: ')) take(event)
    rest = ''
  }
  throw new Error('the event stream ended')
}

function initialize(protocolVersion: string): string {
  const clientInfo = { name: 'bench', version: '1' }
  return requestOf(0, 'initialize', JSON.stringify({ protocolVersion, capabilities: {}, clientInfo }))
}

function callOf(id: number, message: string, options: CallerOptions): string {
  const meta = (options.progress ?? 0) === 0 ? '' : ',"_meta":{"progressToken":"bench"}'
  const params = `{"name":"${options.tool}","arguments":${argumentsOf(message, options)}${meta}}`
  return requestOf(id, 'tools/call', params)
}
