import type { Caller, CallerOptions } from './caller.ts'
import { bodyOf, Poster } from './post.ts'

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
/** The `_meta` of each request of 2026-07-28, as JSON. */
export const ENVELOPE = JSON.stringify(META)
/** That of a call that wants progress messages. */
const WITH_PROGRESS = JSON.stringify({ ...META, progressToken: 'bench' })

/** A client of 2026-07-28: every request stands alone. */
export function modernCaller(options: CallerOptions): Promise<Caller> {
  const { url, tool, authorization, progress = 0 } = options
  const meta = progress === 0 ? ENVELOPE : WITH_PROGRESS
  const poster = new Poster(url, {
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  })
  let id = 0
  const call = async (message: string): Promise<Buffer> => {
    const params = `{"name":"${tool}","arguments":${argumentsOf(message, options)},"_meta":${meta}}`
    return bodyOf(await poster.send(requestOf((id += 1), 'tools/call', params), { headers: authorization() }))
  }
  return Promise.resolve({ call, close: () => poster.close() })
}

/** A caller over REST. */
export function restCaller(options: CallerOptions): Promise<Caller> {
  const { url, tool, authorization } = options
  const poster = new Poster(new URL(`${url.pathname}/${tool}`, url), {})
  const call = async (message: string): Promise<Buffer> =>
    bodyOf(await poster.send(`{"arguments":${argumentsOf(message, options)}}`, { headers: authorization() }))
  return Promise.resolve({ call, close: () => poster.close() })
}

/** The arguments of the echo tool as JSON. The message must need no escaping. */
export function argumentsOf(
  message: string,
  { bytes, progress = 0 }: Pick<CallerOptions, 'bytes' | 'progress'>,
): string {
  const image = bytes === 0 ? '' : `,"bytes":${bytes}`
  const steps = progress === 0 ? '' : `,"steps":${progress}`
  return `{"message":"${message}"${image}${steps}}`
}

/** A JSON-RPC request with parameters that are JSON already. */
export function requestOf(id: number, method: string, params: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`
}
