import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, Server } from '@modelcontextprotocol/server'
import { type HttpUpstream, listen } from './sample-http.ts'

type Fields = Record<string, unknown>

const TOOLS = [
  { name: 'read', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'drop', inputSchema: { type: 'object' }, annotations: { destructiveHint: true } },
  { name: 'send', inputSchema: { type: 'object' } },
  { name: 'ask', inputSchema: { type: 'object' } },
]

/** A server of both eras that keeps what it was called with. */
export interface Ledger extends HttpUpstream {
  /** The parameters of each tool call that arrived, in order. */
  readonly calls: Fields[]
}

export async function ledgerHttp(): Promise<Ledger> {
  const calls: Fields[] = []
  const server = (): Server => {
    const made = new Server({ name: 'ledger', version: '1' }, { capabilities: { tools: {} } })
    made.fallbackRequestHandler = ({ method, params = {} }, { mcpReq }) => {
      if (method === 'tools/list') return Promise.resolve({ tools: TOOLS })
      calls.push(params)
      const isAsking = params['name'] === 'ask' && mcpReq.inputResponses === undefined
      return Promise.resolve(isAsking ? question() : { content: [{ type: 'text', text: 'done' }] })
    }
    return made
  }
  const answer = toNodeHandler(createMcpHandler(server))
  const upstream = await listen((request, response) =>
    answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
  )
  return { ...upstream, calls }
}

function question(): Fields {
  const params = { message: 'Which one?', requestedSchema: { type: 'object', properties: {} } }
  return {
    resultType: 'input_required',
    inputRequests: { which: { method: 'elicitation/create', params } },
    requestState: 'of the server',
  }
}
