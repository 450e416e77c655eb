import { ProtocolError, Server } from '@modelcontextprotocol/server'

/** What outlives a single `Server` object of a sample server. */
export interface SampleState {
  /** Tools added by the tool `change`. */
  readonly added: string[]
  /** Calls of `hold` that were cancelled. */
  cancelled: number
  /** Calls of `hold` that are under way. */
  holding: number
  readonly onChange: (server: Server) => void
}

const TOOLS = ['echo', 'exotic', 'env', 'hold', 'cancelled', 'progress', 'fail', 'big', 'change', 'pid']

/** Fields that no revision knows, at every level of a result. */
export const EXOTIC_RESULT = {
  content: [
    { type: 'text', text: 'known', x1: 1, annotations: { audience: ['user'], x2: 2 } },
    { type: 'resource', resource: { uri: 'sample://a', text: 'a', x3: 3 } },
    { type: 'hologram', beam: [1, 2] },
  ],
  structuredContent: { deep: { x4: 4 } },
  x5: { y: 5 },
  _meta: { 'vendor.example/x6': { z: 6 } },
}

/** A tool definition with fields that no revision knows, at every level. */
export const EXOTIC_TOOL = {
  name: 'exotic',
  title: 'Exotic',
  inputSchema: { type: 'object', properties: { a: { type: 'string', x7: 7 } }, $defs: { b: {} } },
  annotations: { readOnlyHint: true, x8: 8 },
  icons: [{ src: 'https://example.com/i.png', x9: 9 }],
  x10: 10,
  _meta: { 'vendor.example/x11': 11 },
}

export function sampleState(onChange: (server: Server) => void): SampleState {
  return { added: [], cancelled: 0, holding: 0, onChange }
}

/** An MCP server for tests that passes on whatever it likes, of either era. */
export function sampleServer(state: SampleState): Server {
  const server = new Server(
    { name: 'sample', version: '1.2.3' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true },
        prompts: { listChanged: true },
      },
      instructions: 'Be kind.',
    },
  )
  server.fallbackRequestHandler = (request, context) => {
    const params: Record<string, unknown> = request.params ?? {}
    switch (request.method) {
      case 'tools/list':
        return Promise.resolve(toolPage(state, params['cursor']))
      case 'tools/call':
        return callTool(state, server, params, context.mcpReq)
      case 'resources/list':
        return Promise.resolve({ resources: [{ uri: 'sample://a', name: 'a', x: 1 }] })
      case 'resources/templates/list':
        return Promise.resolve({ resourceTemplates: [{ uriTemplate: 'sample://{id}', name: 'any' }] })
      case 'resources/read':
        return Promise.resolve({ contents: [{ uri: params['uri'], text: 'content', x: 1 }] })
      case 'prompts/list':
        return Promise.resolve({ prompts: [{ name: 'greet', arguments: [{ name: 'who', x: 1 }] }] })
      case 'prompts/get':
        return Promise.resolve({ messages: [{ role: 'user', content: { type: 'text', text: 'Hi' }, x: 1 }] })
      default:
        return Promise.reject(new ProtocolError(-32_601, 'Method not found'))
    }
  }
  return server
}

/** Two pages; the cursor of the second is the empty string. */
function toolPage(state: SampleState, cursor: unknown): Record<string, unknown> {
  const all = [...TOOLS, ...state.added].map((name) =>
    name === 'exotic' ? EXOTIC_TOOL : { name, inputSchema: { type: 'object' } },
  )
  return cursor === undefined ? { tools: all.slice(0, 4), nextCursor: '' } : { tools: all.slice(4) }
}

interface Exchange {
  readonly signal: AbortSignal
  readonly notify: (notification: { method: string; params: Record<string, unknown> }) => Promise<void>
}

type Result = Record<string, unknown>

interface Call {
  readonly state: SampleState
  readonly server: Server
  readonly exchange: Exchange
  readonly args: Record<string, unknown>
  readonly progressToken: unknown
}

const CALLS: Record<string, (call: Call) => Result | Promise<Result>> = {
  exotic: () => structuredClone(EXOTIC_RESULT),
  env: () => text(JSON.stringify(process.env)),
  pid: () => text(String(process.pid)),
  hold: ({ state, exchange }) => hold(state, exchange.signal),
  cancelled: ({ state }) => text(String(state.cancelled)),
  fail: () => {
    throw new ProtocolError(-32_050, 'the tool is out of order', { hint: 'later' })
  },
  'asks-for-input': () => ({ resultType: 'input_required', requestState: 'state' }),
  big: ({ args }) => text('x'.repeat(Number(args['bytes']))),
  progress: async ({ exchange, progressToken }) => {
    for (const progress of [1, 2]) {
      const params = { progressToken, progress, total: 2, message: `step ${progress}` }
      await exchange.notify({ method: 'notifications/progress', params })
    }
    return text('done')
  },
  change: ({ state, server }) => {
    state.added.push(`added-${state.added.length + 1}`)
    state.onChange(server)
    return text('changed')
  },
}

async function callTool(
  state: SampleState,
  server: Server,
  params: Record<string, unknown>,
  exchange: Exchange,
): Promise<Result> {
  const args = (params['arguments'] ?? {}) as Record<string, unknown>
  const meta = params['_meta'] as Record<string, unknown> | undefined
  const run = CALLS[String(params['name'])] ?? (() => text(JSON.stringify(args)))
  return run({ state, server, exchange, args, progressToken: meta?.['progressToken'] })
}

function hold(state: SampleState, signal: AbortSignal): Promise<never> {
  state.holding += 1
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      state.cancelled += 1
      state.holding -= 1
      reject(new Error('cancelled'))
    })
  })
}

function text(value: string): Record<string, unknown> {
  return { content: [{ type: 'text', text: value }] }
}
