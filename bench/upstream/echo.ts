/** What an echo server offers, and how. */
export interface EchoOptions {
  /** Number of tools, `echo` among them. */
  readonly tools: number
  /** A server of 2025-11-25 knows no `server/discover`. */
  readonly era: 'modern' | 'legacy'
}

interface Message {
  readonly id?: string | number
  readonly method: string
  readonly params?: {
    readonly protocolVersion?: string
    readonly arguments?: { readonly message?: string; readonly bytes?: number; readonly steps?: number }
    readonly _meta?: { readonly progressToken?: string | number }
  }
}

const LATEST_LEGACY = '2025-11-25'
const SERVER_INFO = { name: 'echo', version: '1' }
const COMPLETE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' }
const METHOD_NOT_FOUND = -32_601
const images = new Map<number, string>()

/** The answer of an echo server as JSON text. Undefined for a notification. */
export function answerTo(text: string, options: EchoOptions): string | undefined {
  const { id, method, params } = JSON.parse(text) as Message
  if (id === undefined) return undefined
  const result =
    method === 'tools/call' ? echoed(params?.arguments) : resultOf(method, options, params?.protocolVersion)
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)}`
  if (result !== undefined) return `${head},"result":${result}}`
  return `${head},"error":{"code":${METHOD_NOT_FOUND},"message":"Method not found"}}`
}

/** The progress messages that a call asks for, as JSON texts. */
export function progressOf(text: string): string[] {
  const { method, params } = JSON.parse(text) as Message
  const token = params?.['_meta']?.progressToken
  const steps = params?.arguments?.steps ?? 0
  if (method !== 'tools/call' || token === undefined) return []
  const head = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(token)}`
  return Array.from({ length: steps }, (_, index) => `${head},"progress":${index + 1},"total":${steps}}}`)
}

/** The message, and an image of base64 text where the caller asks for more bytes. */
function echoed({ message = '', bytes = 0 }: { message?: string; bytes?: number } = {}): string {
  const image = images.get(bytes) ?? imageOf(bytes)
  images.set(bytes, image)
  return `{"content":[{"type":"text","text":${JSON.stringify(message)}}${image}],"resultType":"complete"}`
}

function imageOf(bytes: number): string {
  if (bytes === 0) return ''
  const data = 'iVBORw0KGgoAAAANSUhEUgAA'.repeat(Math.ceil(bytes / 24)).slice(0, bytes)
  return `,{"type":"image","data":"${data}","mimeType":"image/png"}`
}

function resultOf(
  method: string,
  { tools, era }: EchoOptions,
  protocolVersion = LATEST_LEGACY,
): string | undefined {
  const capabilities = { tools: {} }
  if (method === 'initialize')
    return JSON.stringify({ protocolVersion, capabilities, serverInfo: SERVER_INFO })
  if (method === 'ping') return '{}'
  if (method === 'tools/list') return JSON.stringify({ tools: toolsOf(tools), ...COMPLETE })
  if (method !== 'server/discover' || era === 'legacy') return undefined
  return JSON.stringify({
    supportedVersions: ['2026-07-28'],
    capabilities,
    _meta: { 'io.modelcontextprotocol/serverInfo': SERVER_INFO },
    ...COMPLETE,
  })
}

function toolsOf(count: number): unknown[] {
  return Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? 'echo' : `echo_${index}`,
    description: `Returns the message, and an image of as many bytes as asked for, after so many progress messages (${index})`,
    inputSchema: {
      type: 'object',
      properties: {
        message: { type: 'string' },
        bytes: { type: 'integer', minimum: 0 },
        steps: { type: 'integer', minimum: 0 },
      },
      required: ['message'],
    },
  }))
}
