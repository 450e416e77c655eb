import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { createLocalJWKSet, decodeJwt, exportPKCS8, generateKeyPair, type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import { newSigningKey, sign, type SigningKey } from './identity-provider.ts'

const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'
export const CLIENT_SECRET = 'the-secret-of-the-gateway-0123456789'
const OWN_SECRET_KEY = await generateKeyPair('ES256', { extractable: true })
/** The private key that the client `by-key` signs with, as PEM. */
export const PRIVATE_KEY = await exportPKCS8(OWN_SECRET_KEY.privateKey)

/** One answered request to a token endpoint. */
export interface GivenGrant {
  readonly type: string
  readonly client: string
  readonly method: 'secret' | 'key'
  readonly parameters: Record<string, string>
  readonly status: number
}

/**
 * An authorization server for programs, on loopback: `client_credentials`, token exchange (RFC 8693), identity
 * assertions and the grant that takes them (RFC 7523), for a client with a secret and one with a key.
 */
export class TokenIssuer {
  readonly grants: GivenGrant[] = []
  /** Issuers whose tokens it takes, with their keys. */
  readonly trusted = new Map<string, SigningKey>()
  /** Seconds that its tokens last. */
  ttl = 600
  /** Answers in place of the token endpoint. */
  onToken: ((response: ServerResponse) => void) | undefined
  readonly key: SigningKey
  readonly #server: Server
  #url = ''

  private constructor(key: SigningKey) {
    this.key = key
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer(await newSigningKey('of-the-issuer'))
    issuer.#url = await listening(issuer.#server)
    issuer.trusted.set(issuer.#url, issuer.key)
    return issuer
  }

  get url(): string {
    return this.#url
  }

  /** A token of a person for the gateway. */
  tokenFor(subject: string, claims: JWTPayload = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const own = { iss: this.#url, aud: 'https://gateway.example', sub: subject, tenant_id: 'acme' }
    return sign(this.key, { ...own, roles: ['reader'], iat: now, exp: now + 600, ...claims })
  }

  async close(): Promise<void> {
    await closed(this.#server)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request
    if (url.startsWith('/.well-known/'))
      return json(response, 200, {
        issuer: this.#url,
        jwks_uri: `${this.#url}/keys`,
        token_endpoint: `${this.#url}/token`,
        authorization_endpoint: `${this.#url}/authorize`,
        response_types_supported: ['code'],
        token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
      })
    if (url === '/keys') return json(response, 200, { keys: [this.key.jwk] })
    if (url !== '/token') return void response.writeHead(404).end()
    const parameters = Object.fromEntries(new URLSearchParams(await textOf(request)))
    if (this.onToken !== undefined) return this.onToken(response)
    const client = await this.#clientOf(request, parameters)
    const [status, body] =
      client === undefined
        ? ([401, { error: 'invalid_client', error_description: 'who are you?' }] as const)
        : await this.#grant(parameters)
    const type = parameters['grant_type'] ?? ''
    const { id, method } = client ?? { id: 'nobody', method: 'secret' as const }
    this.grants.push({ type, client: id, method, parameters, status })
    json(response, status, body)
  }

  async #clientOf(
    { headers }: IncomingMessage,
    { client_assertion: assertion = '' }: Record<string, string>,
  ): Promise<{ id: string; method: 'secret' | 'key' } | undefined> {
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
    // Both parts are encoded as in a form (RFC 6749 §2.3.1).
    const given = decodeURIComponent(Buffer.from(basic, 'base64').toString())
    if (given === `gateway:${CLIENT_SECRET}`) return { id: 'gateway', method: 'secret' }
    const options = { issuer: 'by-key', subject: 'by-key', audience: this.#url }
    const isOwn = await jwtVerify(assertion, OWN_SECRET_KEY.publicKey, options).then(
      () => true,
      () => false,
    )
    return isOwn ? { id: 'by-key', method: 'key' } : undefined
  }

  async #grant(parameters: Record<string, string>): Promise<readonly [number, Record<string, unknown>]> {
    const { grant_type: type, scope = '', resource, audience, requested_token_type: requested } = parameters
    if (type === 'client_credentials')
      return this.#issued('the-gateway', { scope, aud: resource ?? audience })
    const isExchange = type === 'urn:ietf:params:oauth:grant-type:token-exchange'
    const subject = await this.#subjectOf(parameters[isExchange ? 'subject_token' : 'assertion'] ?? '')
    if (subject === undefined)
      return [400, { error: 'invalid_grant', error_description: `no good: ${parameters['subject_token']}` }]
    if (requested !== `${TOKEN_TYPE}id-jag`)
      return this.#issued(subject, { scope, aud: resource ?? audience })
    const [, body] = await this.#issued(subject, { aud: audience, resource, scope })
    return [200, { ...body, token_type: 'N_A', issued_token_type: requested }]
  }

  async #issued(
    subject: string,
    claims: Record<string, unknown>,
  ): Promise<readonly [number, Record<string, unknown>]> {
    const now = Math.floor(Date.now() / 1000)
    const own = {
      iss: this.#url,
      sub: subject,
      iat: now,
      exp: now + this.ttl,
      jti: String(this.grants.length),
    }
    const access_token = await sign(this.key, { ...own, ...claims })
    return [200, { access_token, token_type: 'Bearer', expires_in: this.ttl }]
  }

  async #subjectOf(token: string): Promise<string | undefined> {
    try {
      const { iss = '', sub } = decodeJwt(token)
      const key = this.trusted.get(iss)
      await jwtVerify(token, createLocalJWKSet({ keys: key === undefined ? [] : [key.jwk] }))
      return sub
    } catch {
      return undefined
    }
  }
}

/** What came with one request to a server. */
export interface SeenRequest {
  readonly method: string
  readonly headers: IncomingMessage['headers']
  /** The claims of its bearer token; undefined without one that `accepts`. */
  readonly claims: JWTPayload | undefined
}

/** An MCP server that takes the tokens that it is told to, and says whose they are. */
export class TokenServer {
  readonly requests: SeenRequest[] = []
  readonly #server: Server
  readonly #verify: (token: string) => Promise<JWTPayload>
  #issuer: string | undefined
  #url = ''

  private constructor(verify: (token: string) => Promise<JWTPayload>) {
    this.#verify = verify
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** @param options.issuer the authorization server that its metadata name */
  static async start(options: {
    verify: (token: string) => Promise<JWTPayload>
    issuer?: string
  }): Promise<TokenServer> {
    const server = new TokenServer(options.verify)
    server.#issuer = options.issuer
    server.#url = `${await listening(server.#server)}/mcp`
    return server
  }

  get url(): string {
    return this.#url
  }

  /** The requests of calls of tools. */
  get calls(): SeenRequest[] {
    return this.requests.filter(({ method }) => method === 'tools/call')
  }

  async close(): Promise<void> {
    await closed(this.#server)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith('/.well-known/') === true)
      return this.#issuer === undefined
        ? void response.writeHead(404).end()
        : json(response, 200, { resource: this.#url, authorization_servers: [this.#issuer] })
    const body = JSON.parse((await textOf(request)) || '{}') as { method?: string }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const claims = await this.#verify(token).catch(() => undefined)
    this.requests.push({ method: body.method ?? '', headers: request.headers, claims })
    if (claims === undefined) return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
    const handler = toNodeHandler(createMcpHandler(() => teller(claims), { legacy: 'stateless' }))
    const { method = 'POST', url = '/' } = request
    await handler(Object.assign(request, { method, url }), response, body)
  }
}

function teller(claims: JWTPayload): McpServer {
  const server = new McpServer({ name: 'teller', version: '1' })
  const { sub = '-', tenant_id: tenant = '-', agent = '-' } = claims as Record<string, string | undefined>
  const text = `${sub} of ${tenant} by ${agent}`
  server.registerTool('whoami', { description: 'Says who calls', inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text }],
  }))
  return server
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await end
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
