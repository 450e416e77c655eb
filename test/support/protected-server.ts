import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse'
import { type Configuration, Provider } from 'oidc-provider'
import { z } from 'zod'

/** One request to the server, as its ledger has it. */
export interface LedgerEntry {
  readonly method: string
  readonly tool: string | undefined
  /** The account that the token is of; undefined for a request without a good token. */
  readonly account: string | undefined
  readonly token: string | undefined
}

/** A request to the token endpoint. */
export interface GrantEntry {
  readonly type: string
  readonly status: number
  readonly account: string | undefined
}

/** What the provider knows of a request to its token endpoint. */
interface TokenContext {
  readonly route?: string
  readonly params?: Record<string, unknown>
  readonly entities: { readonly Account?: { readonly accountId: string } }
}

interface ProtectedOptions {
  /** Lifetime of the access tokens of codes, in seconds; that of others is an hour. */
  readonly firstTtl?: number
  /** Whether authorization servers register clients; they do by default. */
  readonly registration?: boolean
  /** The secret of a client `of-the-document` that is registered there. */
  readonly clientSecret?: string
  /** Changes the metadata of the authorization server. */
  readonly metadata?: (metadata: Record<string, unknown>) => Record<string, unknown>
}

const HOUR = 3600
const SCOPES = ['notes:read', 'notes:write']

/**
 * An MCP server with an authorization server of its own, each at its own port. The server serves one tool for reading
 * and one for writing, each with its scope, and keeps a ledger of which token came with which request.
 */
export class ProtectedServer {
  readonly ledger: LedgerEntry[] = []
  readonly grants: GrantEntry[] = []
  readonly #options: ProtectedOptions
  readonly #sockets: Server[] = []
  readonly #sessions = new Map<string, SSEServerTransport>()
  #provider: Provider | undefined
  #url = ''
  #issuer = ''
  /** What has to stay secret of all that went over the wire: tokens, codes, and what proves a flow. */
  readonly secrets = new Set<string>()
  /** Called before the token endpoint does anything, which it only does for true. */
  onToken: () => Promise<boolean> | boolean = () => true
  /** Tokens that the server takes no more. */
  readonly barred = new Set<string>()

  private constructor(options: ProtectedOptions) {
    this.#options = options
  }

  static async start(options: ProtectedOptions = {}): Promise<ProtectedServer> {
    const server = new ProtectedServer(options)
    await server.#open()
    return server
  }

  get url(): string {
    return `${this.#url}/mcp`
  }

  /** The same server over HTTP+SSE. */
  get sseUrl(): string {
    return `${this.#url}/sse`
  }

  get issuer(): string {
    return this.#issuer
  }

  /** The accounts of the calls of a tool, in order. */
  callers(tool = 'whoami'): (string | undefined)[] {
    return this.ledger.filter((entry) => entry.tool === tool).map(({ account }) => account)
  }

  /** How often the token endpoint has given a grant of that type, to anybody or for one account. */
  granted(type: string, account?: string): number {
    const given = this.grants.filter((entry) => entry.type === type && entry.status === 200)
    return given.filter((entry) => account === undefined || entry.account === account).length
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.close()))
    for (const socket of this.#sockets) {
      socket.closeAllConnections()
      socket.close()
      await once(socket, 'close')
    }
  }

  async #open(): Promise<void> {
    this.#issuer = await this.#listen((request, response) => void this.#authorize(request, response))
    this.#url = await this.#listen((request, response) => {
      // What a closed stream leaves behind is not answered.
      this.#serve(request, response).catch(() => response.destroy())
    })
    this.#provider = new Provider(this.#issuer, this.#configuration())
    this.#provider.use(async (context, next) => {
      await next()
      const { oidc } = context as { oidc?: TokenContext }
      if (oidc?.route !== 'token') return
      const type = String(oidc.params?.['grant_type'])
      this.#note(oidc.params, context.body)
      this.grants.push({ type, status: context.status, account: oidc.entities.Account?.accountId })
    })
  }

  #note(...messages: unknown[]): void {
    const names = ['code', 'code_verifier', 'refresh_token', 'access_token', 'id_token']
    for (const message of messages) {
      for (const name of names) {
        const value = (message as Record<string, unknown> | undefined)?.[name]
        if (typeof value === 'string') this.secrets.add(value)
      }
    }
  }

  async #listen(listener: RequestListener): Promise<string> {
    const socket = createServer(listener)
    this.#sockets.push(socket)
    socket.listen(0, '127.0.0.1')
    await once(socket, 'listening')
    return `http://127.0.0.1:${(socket.address() as AddressInfo).port}`
  }

  #configuration(): Configuration {
    const { firstTtl = HOUR, registration = true, clientSecret } = this.#options
    return {
      clients: clientSecret === undefined ? [] : [this.#client(clientSecret)],
      scopes: ['openid', 'offline_access'],
      claims: { openid: ['sub', 'email'] },
      conformIdTokenClaims: false,
      pkce: { required: () => true },
      rotateRefreshToken: true,
      ttl: {
        AccessToken: ({ oidc }) => (oidc.params?.['grant_type'] === 'authorization_code' ? firstTtl : HOUR),
        Grant: 3600,
        Session: 3600,
        Interaction: 600,
        RefreshToken: 3600,
        IdToken: 600,
      },
      cookies: { keys: ['a key of the test'] },
      findAccount: (_context, id) => ({
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@notes.example` }),
      }),
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      features: {
        devInteractions: { enabled: false },
        registration: { enabled: registration },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => this.url,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: SCOPES.join(' '),
            audience: this.url,
          }),
        },
      },
    }
  }

  #client(secret: string): NonNullable<Configuration['clients']>[number] {
    return {
      client_id: 'of-the-document',
      client_secret: secret,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1/connect/notes/callback'],
      application_type: 'native',
    }
  }

  /** Persons are signed in by the cookie `person` of their browser, and grant everything. */
  async #authorize(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const provider = this.#provider
    const { url = '' } = request
    if (provider === undefined) return void response.writeHead(503).end()
    if (url === '/token' && !(await this.onToken())) return void request.socket.destroy()
    const { metadata } = this.#options
    if (metadata !== undefined && url.startsWith('/.well-known/'))
      return sendJson(response, metadata(await metadataOf(provider)))
    if (url.startsWith('/interaction/')) return this.#interact(provider, request, response)
    await provider.callback()(request, response)
  }

  async #interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const person = /(?:^|; )person=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
    const { prompt, params } = await provider.interactionDetails(request, response)
    if (person === undefined)
      return provider.interactionFinished(request, response, { error: 'access_denied' })
    if (prompt.name === 'login')
      return provider.interactionFinished(request, response, { login: { accountId: person } })
    const grant = new provider.Grant({ accountId: person, clientId: textOf(params['client_id']) })
    grant.addOIDCScope('openid offline_access')
    const asked = textOf(params['scope']).split(' ')
    const granted = asked.filter((scope) => SCOPES.includes(scope)).join(' ')
    grant.addResourceScope(textOf(params['resource']) || this.url, granted)
    const grantId = await grant.save()
    const options = { mergeWithLastSubmission: true }
    await provider.interactionFinished(request, response, { consent: { grantId } }, options)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.#url)
    if (pathname.startsWith('/.well-known/oauth-protected-resource'))
      return sendJson(response, {
        resource: pathname.endsWith('/sse') ? this.sseUrl : this.url,
        authorization_servers: [this.#issuer],
        scopes_supported: ['notes:read'],
      })
    const body = request.method === 'POST' ? await bodyOf(request) : undefined
    const account = await this.#admit(request, response, body)
    if (account === undefined) return
    if (pathname === '/sse') return this.#openStream(account, response)
    if (pathname === '/messages')
      return this.#sessions
        .get(searchParams.get('sessionId') ?? '')
        ?.handlePostMessage(request, response, body)
    const handler = toNodeHandler(createMcpHandler(() => notes(account), { legacy: 'stateless' }))
    const { method = 'GET', url = '/' } = request
    await handler(Object.assign(request, { method, url }), response, body)
  }

  async #openStream(account: string, response: ServerResponse): Promise<void> {
    const transport = new SSEServerTransport('/messages', response)
    this.#sessions.set(transport.sessionId, transport)
    await notes(account).connect(transport)
  }

  /** The account of a request; undefined for one that was refused, which is answered. */
  async #admit(
    request: IncomingMessage,
    response: ServerResponse,
    body: Record<string, unknown> | undefined,
  ): Promise<string | undefined> {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const token = await this.#tokenOf(given)
    const tool = toolIn(body)
    const method = textOf(body?.['method']) || (request.method ?? '')
    this.ledger.push({ method, tool, account: token?.accountId, token: given })
    const needed = tool === 'write' ? 'notes:write' : 'notes:read'
    if (token?.scope?.split(' ').includes(needed) === true) return token.accountId
    const refusal =
      token === undefined ? ([401, 'invalid_token'] as const) : ([403, 'insufficient_scope'] as const)
    this.#refuse(request, response, { refusal, needed })
    return undefined
  }

  #refuse(
    { url }: IncomingMessage,
    response: ServerResponse,
    { refusal: [status, error], needed }: { refusal: readonly [number, string]; needed: string },
  ): void {
    const path = url?.startsWith('/sse') === true ? '/sse' : '/mcp'
    const metadata = `resource_metadata="${this.#url}/.well-known/oauth-protected-resource${path}"`
    const challenge = `Bearer error="${error}", scope="${needed}", ${metadata}`
    response.writeHead(status, { 'www-authenticate': challenge }).end()
  }

  async #tokenOf(
    given: string | undefined,
  ): Promise<{ accountId: string; scope: string | undefined } | undefined> {
    if (given === undefined || this.barred.has(given)) return undefined
    const token = await this.#provider?.AccessToken.find(given)
    if (token === undefined || ![token.aud].flat().includes(this.url)) return undefined
    return { accountId: token.accountId, scope: token.scope }
  }
}

function notes(account: string): McpServer {
  const server = new McpServer({ name: 'notes', version: '1' })
  const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
  server.registerTool(
    'whoami',
    { description: 'Says whose notes these are', inputSchema: z.object({}) },
    () => answer(account),
  )
  server.registerTool('write', { description: 'Writes a note', inputSchema: z.object({}) }, () =>
    answer(`written by ${account}`),
  )
  server.registerResource('secret', `notes://${account}/diary`, {}, (uri) => ({
    contents: [{ uri: uri.href, text: account }],
  }))
  return server
}

async function metadataOf(provider: Provider): Promise<Record<string, unknown>> {
  const answer = provider.callback()
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/.well-known/openid-configuration`)
  const metadata = (await response.json()) as Record<string, unknown>
  server.closeAllConnections()
  server.close()
  const { issuer } = provider
  return JSON.parse(JSON.stringify(metadata).replaceAll(`http://127.0.0.1:${port}`, issuer)) as Record<
    string,
    unknown
  >
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
}

function toolIn(body: Record<string, unknown> | undefined): string | undefined {
  const params = body?.['params'] as { name?: string } | undefined
  return body?.['method'] === 'tools/call' ? params?.name : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
