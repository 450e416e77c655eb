import { Server, type StandardSchemaV1 } from '@modelcontextprotocol/server'

type Fields = Record<string, unknown>
type Message = { method: string; params?: Fields }

/** What outlives a single `Server` object of a chatty server. */
export interface ChattyState {
  /** Where it reports to: see `Reports`. */
  readonly reports: string
  /** Resolves when waiting calls may go on. */
  readonly released: Promise<unknown>
  /** The sessions that watch each resource; legacy only. */
  readonly watchers: Map<string, Set<Server>>
  /** Announces that a resource has changed, to those who watch it. */
  readonly touch: (uri: string, params: Fields) => void
}

const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}

/** @param announce how a modern server announces a change; a legacy one tells each session that watches */
export function chattyState(reports: string, announce?: (uri: string, params: Fields) => void): ChattyState {
  const watchers: ChattyState['watchers'] = new Map()
  const tellWatchers = (uri: string, params: Fields): void => {
    for (const server of watchers.get(uri) ?? [])
      void server.notification({ method: 'notifications/resources/updated', params: { uri, ...params } })
  }
  const released = fetch(`${reports}/released`).catch(() => undefined)
  return { reports, released, watchers, touch: announce ?? tellWatchers }
}

interface Exchange {
  readonly signal: AbortSignal
  readonly inputResponses?: Fields
  readonly requestState: () => unknown
  readonly notify: (notification: Message) => Promise<void>
  readonly send: (request: Message, schema: typeof ANYTHING) => Promise<unknown>
}

interface Call {
  readonly era: 'legacy' | 'modern'
  readonly state: ChattyState
  readonly exchange: Exchange
  readonly args: Fields
  readonly progressToken: unknown
}

const TOOLS: Record<string, (call: Call) => Fields | Promise<Fields>> = {
  identify,
  interview: async (call) => {
    const { era, state, args } = call
    if (typeof args['who'] === 'string') await report(state, 'begun', args['who'])
    return era === 'modern' ? interviewByRounds(call) : interviewByRequests(call)
  },
  say: async ({ exchange, args, progressToken }) => {
    const { method, params } = args as unknown as Message
    const token = method === 'notifications/progress' ? { progressToken } : {}
    await exchange.notify({ method, params: { ...params, ...token } })
    return answer('said')
  },
  touch: ({ state, args }) => {
    state.touch(String(args['uri']), (args['params'] ?? {}) as Fields)
    return answer('touched')
  },
}

/** A server that says on behalf of each call whom the call is from, and tells `Reports` what becomes of it. */
export function chattyServer(state: ChattyState, era: 'legacy' | 'modern'): Server {
  const server = new Server(
    { name: 'chatty', version: '1' },
    { capabilities: { tools: {}, logging: {}, resources: { subscribe: true } } },
  )
  const isWatching = (uri: string): boolean => state.watchers.get(uri)?.has(server) === true
  const unwatch = async (uri: string): Promise<void> => {
    if (state.watchers.get(uri)?.delete(server) === true) await report(state, 'unwatched', uri)
  }
  server.onclose = () => {
    for (const uri of state.watchers.keys()) void unwatch(uri)
  }
  server.fallbackRequestHandler = async ({ method, params = {} }, { mcpReq }) => {
    const uri = String(params['uri'])
    switch (method) {
      case 'tools/list':
        return { tools: Object.keys(TOOLS).map((name) => ({ name, inputSchema: { type: 'object' } })) }
      case 'resources/list':
        return { resources: ['a', 'b', 'fence'].map((name) => ({ uri: `chatty://${name}`, name })) }
      case 'resources/subscribe':
        if (isWatching(uri)) return {}
        state.watchers.set(uri, (state.watchers.get(uri) ?? new Set()).add(server))
        await report(state, 'watched', uri)
        return {}
      case 'resources/unsubscribe':
        await unwatch(uri)
        return {}
      default: {
        const { _meta: meta } = params
        const args = (params['arguments'] ?? {}) as Fields
        const call = { era, state, exchange: mcpReq, args, progressToken: meta?.['progressToken'] }
        return (await TOOLS[String(params['name'])]?.(call)) ?? {}
      }
    }
  }
  return server
}

/**
 * Says twice whom it is for: when it begins, and when it is released. With `ask`, it asks its client who that is in
 * between. A cancelled call says nothing any more.
 */
async function identify(call: Call): Promise<Fields> {
  const { state, exchange, args } = call
  const who = String(args['who'])
  const { promise: cancelled, reject } = Promise.withResolvers<never>()
  // It may come while a report is still on its way, when nobody waits for it yet.
  cancelled.catch(() => undefined)
  let isDone = false
  exchange.signal.addEventListener('abort', () => {
    // The SDK also aborts it when the exchange is over.
    if (isDone) return
    void report(state, 'cancelled', who)
    reject(new Error('cancelled'))
  })
  await introduce(call, who, 1)
  const { ask } = args as { ask?: Message }
  const asked = ask === undefined ? undefined : exchange.send(ask, ANYTHING)
  asked?.catch(() => undefined)
  await report(state, 'begun', who)
  await Promise.race([state.released, cancelled])
  await introduce(call, who, 2)
  const result = answer(ask === undefined ? who : { who, said: await asked })
  isDone = true
  return result
}

async function introduce({ exchange, progressToken }: Call, who: string, progress: number): Promise<void> {
  const params = { progressToken, progress, total: 2, message: who }
  await exchange.notify({ method: 'notifications/progress', params })
  await exchange.notify({
    method: 'notifications/message',
    params: { level: 'info', logger: 'chatty', data: { who, progress } },
  })
}

/** Tells `Reports` of a call, or of a resource. */
async function report(
  { reports }: Pick<ChattyState, 'reports'>,
  what: 'begun' | 'cancelled' | 'watched' | 'unwatched',
  which: string,
): Promise<void> {
  await fetch(`${reports}/${what}/${encodeURIComponent(which)}`).catch(() => undefined)
}

/** Reports what the streams of `subscriptions/listen` are for, which the SDK answers by itself. */
export class ListenReports {
  readonly #to: Pick<ChattyState, 'reports'>
  readonly #open = new Map<unknown, readonly string[]>()

  constructor(reports: string) {
    this.#to = { reports }
  }

  /** @param stream tells it from all others */
  async begin(stream: unknown, message: unknown): Promise<void> {
    const { method, params } = message as Partial<Message>
    const { resourceSubscriptions: uris = [] } = (params?.['notifications'] ?? {}) as {
      resourceSubscriptions?: string[]
    }
    if (method !== 'subscriptions/listen') return
    this.#open.set(stream, uris)
    await Promise.all(uris.map((uri) => report(this.#to, 'watched', uri)))
  }

  async end(stream: unknown): Promise<void> {
    const uris = this.#open.get(stream) ?? []
    this.#open.delete(stream)
    await Promise.all(uris.map((uri) => report(this.#to, 'unwatched', uri)))
  }
}

type Rounds = readonly Record<string, Message>[]

/** Asks its client round after round, one request after the other. */
async function interviewByRequests({ exchange, args }: Call): Promise<Fields> {
  const answers: unknown[] = []
  for (const round of args['rounds'] as Rounds) {
    const answered: Fields = {}
    for (const [key, question] of Object.entries(round)) {
      answered[key] = await exchange.send(question, ANYTHING)
    }
    answers.push(answered)
  }
  return answer(answers)
}

/** The same as 2026-07-28 does: the state of the interview travels with the questions. */
function interviewByRounds({ exchange, args }: Call): Fields {
  const rounds = args['rounds'] as Rounds
  const state = exchange.requestState()
  const before = typeof state === 'string' ? (JSON.parse(state) as unknown[]) : []
  const answers = typeof state === 'string' ? [...before, exchange.inputResponses] : before
  const inputRequests = rounds[answers.length]
  if (inputRequests === undefined) return answer(answers)
  return { resultType: 'input_required', inputRequests, requestState: JSON.stringify(answers), x1: { y: 1 } }
}

function answer(value: unknown): Fields {
  return { content: [], structuredContent: { answer: value } }
}
