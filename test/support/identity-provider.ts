import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { once } from 'node:events'
import { type CryptoKey, type JWK, SignJWT, exportJWK, generateKeyPair } from 'jose'

/** A key of an identity provider: what it signs with and what it publishes. */
export interface SigningKey {
  readonly alg: string
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

export async function newSigningKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export async function sign(
  key: SigningKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey)
}

/** A token of `ann` at tenant `acme`, with the role `reader` and ten minutes to go, but for `claims`. */
export async function signFor(
  { url }: IdentityProvider,
  key: SigningKey,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return await sign(key, {
    iss: url,
    aud: 'https://gateway.example',
    sub: 'ann',
    tenant_id: 'acme',
    roles: ['reader'],
    iat: now,
    exp: now + 600,
    ...claims,
  })
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An identity provider on loopback: discovery document at the usual place, keys at `/keys`. */
export class IdentityProvider implements AsyncDisposable {
  readonly url: string
  /** Paths that were asked for. */
  readonly requests: string[] = []
  /** What `/keys` holds. */
  keys: JWK[] = []
  /** Answers `/keys` instead. */
  answerKeys: Answer | undefined
  /** Members of the discovery document that differ. */
  discovery: Record<string, unknown> = {}
  readonly #server

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server
    const address = server.address()
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#answer(request, response),
    )
  }

  static async start(): Promise<IdentityProvider> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new IdentityProvider(server)
  }

  countOf(path: string): number {
    return this.requests.filter((request) => request === path).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(request.url ?? '')
    if (request.url === '/keys') {
      if (this.answerKeys !== undefined) this.answerKeys(request, response)
      else response.end(JSON.stringify({ keys: this.keys }))
    } else if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys`, ...this.discovery }))
    } else {
      response.writeHead(404).end()
    }
  }
}
