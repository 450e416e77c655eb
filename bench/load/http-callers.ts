import type { Caller, CallerOptions } from './caller.ts'
import { bodyOf, Poster } from './post.ts'

/** The `_meta` of each request of 2026-07-28, as JSON. */
export const ENVELOPE = JSON.stringify({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
})

/** A client of 2026-07-28: every request stands alone. */
export function modernCaller({ url, tool, bytes, authorization }: CallerOptions): Promise<Caller> {
  const poster = new Poster(url, {
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  })
  let id = 0
  const call = async (message: string): Promise<Buffer> => {
    const params = `{"name":"${tool}","arguments":${argumentsOf(message, bytes)},"_meta":${ENVELOPE}}`
    return bodyOf(await poster.send(requestOf((id += 1), 'tools/call', params), { headers: authorization() }))
  }
  return Promise.resolve({ call, close: () => poster.close() })
}

/** A caller over REST. */
export function restCaller({ url, tool, bytes, authorization }: CallerOptions): Promise<Caller> {
  const poster = new Poster(new URL(`${url.pathname}/${tool}`, url), {})
  const call = async (message: string): Promise<Buffer> =>
    bodyOf(await poster.send(`{"arguments":${argumentsOf(message, bytes)}}`, { headers: authorization() }))
  return Promise.resolve({ call, close: () => poster.close() })
}

/** The arguments of the echo tool as JSON. The message must need no escaping. */
export function argumentsOf(message: string, bytes: number): string {
  return bytes === 0 ? `{"message":"${message}"}` : `{"message":"${message}","bytes":${bytes}}`
}

/** A JSON-RPC request with parameters that are JSON already. */
export function requestOf(id: number, method: string, params: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`
}
