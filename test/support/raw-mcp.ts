/** What came back over HTTP, with the one JSON-RPC message in it, unparsed by any schema. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly message: RawMessage
}

interface RawMessage {
  readonly id?: unknown
  readonly result?: Record<string, unknown>
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

type HeaderFields = Record<string, string>

export const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'

/** One POST as it is: `body` is sent literally when it is a text. */
export async function postMcp(
  url: string,
  token: string,
  body: unknown,
  options: { path?: string; headers?: HeaderFields; signal?: AbortSignal } = {},
): Promise<RawAnswer> {
  const response = await fetch(url + (options.path ?? '/mcp'), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...options.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(options.signal !== undefined && { signal: options.signal }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, message: messageIn(text) }
}

/** The last message of an answer, be it JSON or an event stream. */
function messageIn(text: string): RawMessage {
  const data =
    text
      .match(/^data: ?[^\n]+/gm)
      ?.at(-1)
      ?.replace(/^data: ?/, '') ?? text
  try {
    return JSON.parse(data) as RawMessage
  } catch {
    return {}
  }
}

/** A client without an SDK. */
export interface RawClient {
  readonly sessionId: string | undefined
  readonly request: (
    method: string,
    params?: Record<string, unknown>,
    options?: { id?: unknown; headers?: HeaderFields; signal?: AbortSignal },
  ) => Promise<RawAnswer>
  readonly notify: (method: string, params: Record<string, unknown>) => Promise<RawAnswer>
}

/** Opens a session and speaks in it as clients up to 2025-11-25 do. */
export async function legacyClient(url: string, token: string, path = '/mcp'): Promise<RawClient> {
  const opened = await postMcp(url, token, initialize(0), { path })
  const sessionId = opened.headers.get('mcp-session-id') ?? ''
  const session = { 'mcp-session-id': sessionId, 'mcp-protocol-version': LEGACY }
  let lastId = 0
  const client: RawClient = {
    sessionId,
    request: (method, params, { id = (lastId += 1), headers, signal } = {}) =>
      postMcp(
        url,
        token,
        { jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) },
        { path, headers: { ...session, ...headers }, ...(signal !== undefined && { signal }) },
      ),
    notify: (method, params) =>
      postMcp(url, token, { jsonrpc: '2.0', method, params }, { path, headers: session }),
  }
  await client.notify('notifications/initialized', {})
  return client
}

export function initialize(
  id: unknown,
  protocolVersion = LEGACY,
  capabilities: Record<string, unknown> = {},
): Record<string, unknown> {
  const clientInfo = { name: 'raw', version: '1' }
  return {
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion, capabilities, clientInfo },
  }
}

/** Opens a session of 2024-11-05, whose messages are posted to `path`. */
export async function openSse(url: string, token: string): Promise<{ path: string; close: () => void }> {
  const stream = new AbortController()
  const response = await fetch(`${url}/sse`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stream.signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  const first: unknown = (await reader?.read())?.value
  return { path: /data: (\S+)/.exec(String(first))?.[1] ?? '', close: () => stream.abort() }
}

/** Speaks as clients of 2026-07-28 do: every request stands alone. */
export function modernClient(url: string, token: string, path = '/mcp'): RawClient {
  let lastId = 0
  const post = (
    message: Record<string, unknown>,
    headers: HeaderFields = {},
    signal?: AbortSignal,
  ): Promise<RawAnswer> =>
    postMcp(url, token, message, {
      path,
      headers: { ...modernHeaders(message), ...headers },
      ...(signal !== undefined && { signal }),
    })
  return {
    sessionId: undefined,
    request: (method, params, { id = (lastId += 1), headers, signal } = {}) =>
      post({ jsonrpc: '2.0', id, method, params: withEnvelope(params) }, headers, signal),
    notify: (method, params) => post({ jsonrpc: '2.0', method, params: withEnvelope(params) }),
  }
}

/** The parameters with what every request of 2026-07-28 has to carry. */
export function withEnvelope(params: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...params,
    _meta: {
      ...(params['_meta'] as Record<string, unknown> | undefined),
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  }
}

function modernHeaders(message: Record<string, unknown>): HeaderFields {
  const params = (message['params'] ?? {}) as Record<string, unknown>
  const name = params['name'] ?? params['uri'] ?? params['taskId']
  return {
    'mcp-protocol-version': MODERN,
    'mcp-method': String(message['method']),
    ...(typeof name === 'string' && { 'mcp-name': name }),
  }
}

/** A client of either era. */
export function rawClient(
  era: 'legacy' | 'modern',
  url: string,
  token: string,
  path?: string,
): Promise<RawClient> {
  return era === 'legacy' ? legacyClient(url, token, path) : Promise.resolve(modernClient(url, token, path))
}
