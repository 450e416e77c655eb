import type { Client, ClientCapabilities } from '@modelcontextprotocol/client'
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { WebSocket } from 'ws'
import { type ClientKind, connectClient } from './mcp-clients.ts'

type Fields = Record<string, unknown>
type Answer = (params: Fields) => Fields

/** The two lines of the public SDK, and how each can connect. */
export const SDK_CLIENTS = [
  ['v1', 'sse'],
  ['v1', 'streamable-http'],
  ['v1', 'websocket'],
  ['v2', 'sse'],
  ['v2', 'streamable-http'],
  ['v2', 'websocket'],
  ['v2', 'modern'],
  ['v2', 'modern-websocket'],
] as const satisfies readonly (readonly ['v1' | 'v2', ClientKind])[]

export type SdkVersion = (typeof SDK_CLIENTS)[number][0]

/** What a client can be asked, and how it answers. */
interface Answers {
  readonly elicitation?: Answer
  readonly sampling?: Answer
  readonly roots?: Answer
}

export interface SdkOptions {
  readonly server?: string
  readonly answers?: Answers
}

/** A client of either line, by what the two have in common. */
export interface SdkClient extends Pick<
  Client,
  | 'callTool'
  | 'close'
  | 'complete'
  | 'getInstructions'
  | 'getPrompt'
  | 'listPrompts'
  | 'listResources'
  | 'listResourceTemplates'
  | 'listTools'
  | 'readResource'
  | 'sendRootsListChanged'
  | 'setLoggingLevel'
  | 'subscribeResource'
  | 'unsubscribeResource'
> {
  /** Only of the modern revision. */
  readonly listen: Client['listen']
  /** The parameters of each log message, in order. */
  readonly logged: Fields[]
  /** The URI of each resource that was said to have changed, in order. */
  readonly updated: string[]
  /** What it was asked, in order. */
  readonly asked: { readonly kind: keyof Answers; readonly params: Fields }[]
}

interface Kept {
  readonly logged: Fields[]
  readonly updated: string[]
  readonly asked: SdkClient['asked']
}

/** A client of the public SDK, connected with a bearer token. It declares what it has answers for. */
export async function connectSdk(
  [version, kind]: readonly [SdkVersion, ClientKind],
  url: string,
  token: string,
  options: SdkOptions = {},
): Promise<SdkClient> {
  const kept: Kept = { logged: [], updated: [], asked: [] }
  const connect = version === 'v1' ? connectFirst : connectSecond
  return Object.assign(await connect(kind, { url, token, options, kept }), kept)
}

interface Connecting {
  readonly url: string
  readonly token: string
  readonly options: SdkOptions
  readonly kept: Kept
}

async function connectSecond(kind: ClientKind, { url, token, options, kept }: Connecting): Promise<Client> {
  const { answers = {}, server } = options
  return connectClient(kind, url, token, {
    ...(server !== undefined && { server }),
    capabilities: declared(answers),
    prepare: (client) => {
      const answer = answering(answers, kept)
      if (answers.elicitation)
        client.setRequestHandler('elicitation/create', ({ params }) => answer('elicitation', params))
      if (answers.sampling)
        client.setRequestHandler('sampling/createMessage', ({ params }) => answer('sampling', params))
      if (answers.roots) client.setRequestHandler('roots/list', ({ params }) => answer('roots', params))
      client.setNotificationHandler('notifications/message', ({ params }) => void kept.logged.push(params))
      client.setNotificationHandler(
        'notifications/resources/updated',
        ({ params }) => void kept.updated.push(params.uri),
      )
    },
  })
}

async function connectFirst(kind: ClientKind, { url, token, options, kept }: Connecting): Promise<Client> {
  const { answers = {}, server } = options
  const client = new FirstClient({ name: 'first', version: '1' }, { capabilities: declared(answers) })
  const answer = answering(answers, kept)
  if (answers.elicitation)
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer('elicitation', params))
  if (answers.sampling)
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => answer('sampling', params))
  if (answers.roots) client.setRequestHandler(ListRootsRequestSchema, ({ params }) => answer('roots', params))
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => void kept.logged.push(params),
  )
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void kept.updated.push(params.uri),
  )
  await client.connect(firstTransport(kind, url, token, server === undefined ? '' : `/${server}`))
  const callTool = client.callTool.bind(client)
  Object.assign(client, {
    callTool: (params: Parameters<typeof callTool>[0], given?: Parameters<typeof callTool>[2]) =>
      callTool(params, undefined, given),
  })
  // Else the two lines agree in what tests use of them.
  return client as unknown as Client
}

function declared(answers: Answers): ClientCapabilities {
  return {
    ...(answers.elicitation && { elicitation: {} }),
    ...(answers.sampling && { sampling: {} }),
    ...(answers.roots && { roots: { listChanged: true } }),
  }
}

/** Any answer at all: each SDK checks on its own whether it is a valid one. */
function answering(answers: Answers, { asked }: Kept): (kind: keyof Answers, params: unknown) => never {
  return (kind, params) => {
    const given = { ...(params as Fields | undefined) }
    asked.push({ kind, params: given })
    return (answers[kind]?.(given) ?? {}) as never
  }
}

function firstTransport(kind: ClientKind, url: string, token: string, path: string): Transport {
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  if (kind === 'sse') return new SSEClientTransport(new URL(`/sse${path}`, url), { requestInit })
  if (kind === 'websocket')
    return new AuthorizedWebSocketTransport(new URL(`/ws${path}`, url.replace(/^http/, 'ws')), token)
  return new StreamableHTTPClientTransport(new URL(`/mcp${path}`, url), { requestInit })
}

/** It uses the WebSocket class of its surroundings, which is what can carry a token. */
class AuthorizedWebSocketTransport extends WebSocketClientTransport {
  readonly #token: string

  constructor(url: URL, token: string) {
    super(url)
    this.#token = token
  }

  override start(): Promise<void> {
    const token = this.#token
    const original = globalThis.WebSocket
    class Authorized extends WebSocket {
      constructor(url: URL, protocol: string) {
        super(url, protocol, { headers: { authorization: `Bearer ${token}` } })
      }
    }
    Object.assign(globalThis, { WebSocket: Authorized })
    try {
      return super.start()
    } finally {
      Object.assign(globalThis, { WebSocket: original })
    }
  }
}
