import { ProtocolError, Server, type StandardSchemaV1 } from '@modelcontextprotocol/server'

type Fields = Record<string, unknown>

/** What outlives a single `Server` object of an asking server. */
export interface AskingState {
  /** Resources that are watched, in order; legacy only. */
  readonly watched: string[]
  /** Everything that was asked of it about watching, in order; legacy only. */
  readonly watching: string[]
  /** Notifications that the client sent. */
  readonly heard: { readonly method: string; readonly params: unknown }[]
  /** Calls that ended because they were cancelled. */
  cancelled: number
  /** Whether it asks for the roots as soon as it has been opened; legacy only. */
  readonly asksAtOnce: boolean
  /** What came of that. */
  learnt: unknown
  /** Announces that a resource has changed. */
  readonly touch: (server: Server, uri: string) => void
}

const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}

export function askingState(touch: AskingState['touch'], { asksAtOnce = false } = {}): AskingState {
  return { watched: [], watching: [], heard: [], cancelled: 0, asksAtOnce, learnt: undefined, touch }
}

interface Exchange {
  readonly envelope?: unknown
  readonly inputResponses?: unknown
  readonly signal: AbortSignal
  readonly send: (
    request: { method: string; params?: Fields },
    schema: typeof ANYTHING,
    options?: { signal?: AbortSignal },
  ) => Promise<unknown>
  readonly notify: (notification: { method: string; params?: Fields }) => Promise<void>
}

interface Call {
  readonly state: AskingState
  readonly server: Server
  readonly exchange: Exchange
  readonly args: Fields
}

type Message = { method: string; params?: Fields }

const message = (args: Fields): Message => args['message'] as Message

/** Tools by what they do with their client. */
const CALLS: Record<string, (call: Call) => Promise<unknown>> = {
  echo: ({ args }) => Promise.resolve(args),
  capabilities: ({ server }) => Promise.resolve(server.getClientCapabilities()),
  cancelled: ({ state }) => Promise.resolve(state.cancelled),
  learnt: ({ state }) => Promise.resolve(state.learnt),
  heard: ({ state }) => Promise.resolve(state.heard),
  envelope: ({ exchange }) => Promise.resolve(exchange.envelope),
  ask: ({ exchange, args }) => outcome(exchange.send(message(args), ANYTHING)),
  'ask-apart': ({ server, args }) => outcome(server.request(message(args), ANYTHING)),
  'ask-and-withdraw': async ({ exchange, args }) => {
    const controller = new AbortController()
    const asked = outcome(exchange.send(message(args), ANYTHING, { signal: controller.signal }))
    setTimeout(() => controller.abort('changed my mind'), 50)
    return asked
  },
  say: async ({ exchange, args }) => {
    await exchange.notify(message(args))
    return 'said'
  },
  'say-apart': async ({ server, args }) => {
    await server.notification(message(args))
    return 'said'
  },
  touch: ({ state, server, args }) => {
    state.touch(server, String(args['uri']))
    return Promise.resolve('touched')
  },
  hold: ({ state, exchange }) =>
    new Promise((_resolve, reject) => {
      exchange.signal.addEventListener('abort', () => {
        state.cancelled += 1
        reject(new Error('cancelled'))
      })
    }),
}

/** A server whose tools ask its client, or tell it things, as their arguments say. */
export function askingServer(state: AskingState): Server {
  const server = new Server(
    { name: 'asking', version: '1' },
    { capabilities: { tools: {}, logging: {}, resources: { subscribe: true } } },
  )
  server.removeRequestHandler('logging/setLevel')
  server.oninitialized = () => {
    if (!state.asksAtOnce) return
    void outcome(server.request({ method: 'roots/list' }, ANYTHING)).then((answer) => (state.learnt = answer))
  }
  server.fallbackNotificationHandler = ({ method, params }) => {
    state.heard.push({ method, params })
    return Promise.resolve()
  }
  server.fallbackRequestHandler = async ({ method, params = {} }, { mcpReq }) => {
    const uri = String(params['uri'])
    if (uri === 'asking://refused') throw new ProtocolError(-32_050, 'no such resource')
    if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      state.watching.push(`${method.slice('resources/'.length)} ${uri}`)
      if (method === 'resources/subscribe') state.watched.push(uri)
      else state.watched.splice(state.watched.indexOf(uri), 1)
      return {}
    }
    if (method !== 'tools/call') throw new ProtocolError(-32_601, 'Method not found')
    return callTool({ state, server, exchange: mcpReq, args: {} }, params)
  }
  return server
}

async function callTool(call: Omit<Call, 'args'> & { args: Fields }, params: Fields): Promise<Fields> {
  const name = String(params['name'])
  const args = (params['arguments'] ?? {}) as Fields
  if (name === 'wants-input' || name === 'makes-a-task') return unfinished(name, call.exchange)
  const answer = await CALLS[name]?.({ ...call, args })
  return { content: [], structuredContent: { answer } }
}

/** Results of 2026-07-28 that are not the end. */
function unfinished(name: string, { inputResponses }: Exchange): Fields {
  if (name === 'makes-a-task') return { resultType: 'task', taskId: 't1', status: 'working', x1: 1 }
  if (inputResponses !== undefined) return { content: [], structuredContent: { answer: inputResponses } }
  const params = { message: 'Who?', requestedSchema: { type: 'object', properties: {} }, x2: { y: 2 } }
  return {
    resultType: 'input_required',
    inputRequests: { who: { method: 'elicitation/create', params } },
    requestState: 'state',
    x3: 3,
  }
}

/** What came of a question: the answer, or the error as it came over the wire. */
async function outcome(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    const { code, message: text, data } = error as { code: unknown; message: string; data?: unknown }
    return { code, message: text, ...(data !== undefined && { data }) }
  }
}
