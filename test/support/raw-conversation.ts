import { eventually } from './eventually.ts'
import { initialize, MODERN, withEnvelope } from './raw-mcp.ts'
import { openSocket } from './ws-client.ts'

export const CONVERSATIONS = ['streamable-http', 'sse', 'websocket', 'modern', 'modern-websocket'] as const
export type ConversationKind = (typeof CONVERSATIONS)[number]

type Fields = Record<string, unknown>

export interface RawMessage extends Fields {
  readonly id?: unknown
  readonly method?: string
  readonly params?: Fields
  readonly result?: Fields
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

export interface ConversationOptions {
  /** Below the endpoint: `/<server>` for one server alone. */
  readonly path?: string
  readonly capabilities?: Fields
  readonly logLevel?: string
  /** The result of what the gateway asks. */
  readonly answer?: (request: RawMessage) => Fields | Promise<Fields>
}

/** A client without an SDK that is as literal as it gets: it chooses ids and tokens, and keeps all that comes. */
export interface RawConversation {
  /** Everything that the gateway sent on its own or as an answer, in order, but not what it asked. */
  readonly received: readonly RawMessage[]
  /** What the gateway asked, in order. */
  readonly asked: readonly RawMessage[]
  readonly request: (id: number | string, method: string, params?: Fields) => void
  /** Resolves with the answer to a request that was sent. */
  readonly answerTo: (id: number | string) => Promise<RawMessage>
  readonly call: (id: number | string, method: string, params?: Fields) => Promise<RawMessage>
  /** Cancels a request as its revision and transport want it. */
  readonly cancel: (id: number | string) => void
  /** Cuts every connection without a word. */
  readonly vanish: () => void
  /** Says goodbye where there is a way to say it. */
  readonly close: () => Promise<void>
}

/** How messages of one kind of conversation travel. */
interface Line {
  readonly send: (message: Fields) => Promise<void>
  readonly cancel?: (id: unknown) => void
  readonly vanish: () => void
  readonly close?: () => Promise<void>
}

type Receive = (message: RawMessage) => void

interface Opening {
  readonly url: string
  readonly token: string
  readonly options: ConversationOptions
  readonly receive: Receive
}

const LINES: Record<ConversationKind, (opening: Opening) => Promise<Line>> = {
  'streamable-http': streamableLine,
  sse: sseLine,
  websocket: socketLine,
  modern: (opening) => Promise.resolve(modernLine(opening)),
  'modern-websocket': socketLine,
}

export async function openConversation(
  kind: ConversationKind,
  url: string,
  token: string,
  options: ConversationOptions = {},
): Promise<RawConversation> {
  const received: RawMessage[] = []
  const asked: RawMessage[] = []
  const isModern = kind.startsWith('modern')
  const reply = async (request: RawMessage): Promise<void> => {
    asked.push(request)
    const result = await (options.answer?.(request) ?? new Promise<never>(() => undefined))
    await line.send({ jsonrpc: '2.0', id: request.id, result })
  }
  const receive = (message: RawMessage): void => {
    if (message.method !== undefined && message.id !== undefined) void reply(message).catch(() => undefined)
    else received.push(message)
  }
  const line = await LINES[kind]({ url, token, options, receive })
  const prepared = (params: Fields | undefined): Fields | undefined =>
    isModern ? withClient(withEnvelope(params), options) : params
  const request: RawConversation['request'] = (id, method, given) => {
    const params = prepared(given)
    void line
      .send({ jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) })
      // A conversation that was cut gets no answer, which is what its test is about.
      .catch(() => undefined)
  }
  const answerTo: RawConversation['answerTo'] = (id) =>
    eventually(() => received.find((message) => message.id === id && message.method === undefined), {
      what: `an answer to ${id} over ${kind}`,
    })
  const call: RawConversation['call'] = (id, method, params) => {
    request(id, method, params)
    return answerTo(id)
  }
  if (!isModern) await introduce({ line, call, kind, options })
  received.length = 0
  return {
    received,
    asked,
    request,
    answerTo,
    call,
    cancel: (id) => {
      if (line.cancel !== undefined) return line.cancel(id)
      void line.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })
    },
    vanish: () => line.vanish(),
    close: async () => {
      if (line.close === undefined) line.vanish()
      else await line.close()
    },
  }
}

/** Legacy clients say once what they can and want. */
async function introduce(given: {
  line: Line
  call: RawConversation['call']
  kind: ConversationKind
  options: ConversationOptions
}): Promise<void> {
  const { line, call, kind, options } = given
  if (kind !== 'streamable-http') {
    const { params } = initialize('initialize') as { params: Fields }
    await call('initialize', 'initialize', { ...params, capabilities: options.capabilities ?? {} })
    await line.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }
  if (options.logLevel !== undefined) await call('level', 'logging/setLevel', { level: options.logLevel })
}

/** Modern clients say with each request what they can and want. */
function withClient(params: Fields, { capabilities, logLevel }: ConversationOptions): Fields {
  return {
    ...params,
    _meta: {
      ...(params['_meta'] as Fields),
      ...(capabilities !== undefined && { 'io.modelcontextprotocol/clientCapabilities': capabilities }),
      ...(logLevel !== undefined && { 'io.modelcontextprotocol/logLevel': logLevel }),
    },
  }
}

const POST_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

async function streamableLine({ url, token, options, receive }: Opening): Promise<Line> {
  const endpoint = `${url}/mcp${options.path ?? ''}`
  const cut = new AbortController()
  const headers: Record<string, string> = { authorization: `Bearer ${token}` }
  const post = async (message: Fields): Promise<Response> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, ...POST_HEADERS },
      body: JSON.stringify(message),
      signal: cut.signal,
    })
    headers['mcp-session-id'] ??= response.headers.get('mcp-session-id') ?? ''
    await readMessages(response, receive)
    return response
  }
  const opening = initialize('initialize') as { params: Fields }
  const { capabilities = {} } = options
  await post({ ...opening, params: { ...opening.params, capabilities } })
  headers['mcp-protocol-version'] = '2025-11-25'
  await post({ jsonrpc: '2.0', method: 'notifications/initialized' })
  const own = await fetch(endpoint, {
    headers: { ...headers, accept: 'text/event-stream' },
    signal: cut.signal,
  })
  void readMessages(own, receive).catch(() => undefined)
  return {
    send: async (message) => void (await post(message)),
    vanish: () => cut.abort(),
    close: async () => void (await fetch(endpoint, { method: 'DELETE', headers })),
  }
}

async function sseLine({ url, token, options, receive }: Opening): Promise<Line> {
  const cut = new AbortController()
  const authorization = `Bearer ${token}`
  const stream = await fetch(`${url}/sse${options.path ?? ''}`, {
    headers: { authorization, accept: 'text/event-stream' },
    signal: cut.signal,
  })
  const endpoint = Promise.withResolvers<string>()
  void readMessages(stream, receive, endpoint.resolve).catch(() => undefined)
  const path = await endpoint.promise
  return {
    send: async (message) => {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization, ...POST_HEADERS },
        body: JSON.stringify(message),
        signal: cut.signal,
      })
      await response.text()
    },
    vanish: () => cut.abort(),
  }
}

async function socketLine({ url, token, options, receive }: Opening): Promise<Line> {
  const { socket } = await openSocket(url, token, { path: `/ws${options.path ?? ''}` })
  socket.on('message', (data: Buffer) => receive(JSON.parse(data.toString()) as RawMessage))
  return {
    send: (message) => Promise.resolve(socket.send(JSON.stringify(message))),
    vanish: () => socket.terminate(),
    close: () => Promise.resolve(socket.close(1000)),
  }
}

function modernLine({ url, token, options, receive }: Opening): Line {
  const endpoint = `${url}/mcp${options.path ?? ''}`
  const requests = new Map<unknown, AbortController>()
  const cancel = (id: unknown): void => {
    requests.get(id)?.abort()
    requests.delete(id)
  }
  return {
    send: async (message) => {
      const params = (message['params'] ?? {}) as Fields
      const name = params['name'] ?? params['uri'] ?? params['taskId']
      const request = new AbortController()
      requests.set(message['id'], request)
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...POST_HEADERS,
          'mcp-protocol-version': MODERN,
          'mcp-method': String(message['method']),
          ...(typeof name === 'string' && { 'mcp-name': name }),
        },
        body: JSON.stringify(message),
        signal: request.signal,
      })
      await readMessages(response, receive)
    },
    cancel,
    vanish: () => {
      for (const id of requests.keys()) cancel(id)
    },
  }
}

/** Passes on the messages of an answer as they come, be it JSON or an event stream. */
async function readMessages(
  response: Response,
  receive: Receive,
  onEndpoint: (path: string) => void = () => undefined,
): Promise<void> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
    const text = await response.text()
    if (text.startsWith('{')) receive(JSON.parse(text) as RawMessage)
    return
  }
  let rest = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + chunk).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) readEvent(event, receive, onEndpoint)
  }
}

function readEvent(event: string, receive: Receive, onEndpoint: (path: string) => void): void {
  // JSON may hold line separators of Unicode, which end no line of an event stream.
  const data = /^data: ?(\S[^\n]*)$/m.exec(event)?.[1]
  if (data === undefined) return
  if (/^event: ?endpoint$/m.test(event)) onEndpoint(data)
  else receive(JSON.parse(data) as RawMessage)
}
