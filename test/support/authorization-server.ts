import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { type Configuration, Provider } from 'oidc-provider'

const SCOPES = ['openid', 'offline_access', 'profile', 'tools.echo', 'tools.more']

const TTL_SECONDS = 600
/** The claims of access tokens that the gateway reads. */
const CLAIMS = { tenant_id: 'local', roles: ['reader'] }

/**
 * An authorization server on loopback (oidc-provider): dynamic registration, PKCE, resource indicators, rotation of refresh
 * tokens. The sign-in of a person is a page with one button.
 */
export class AuthorizationServer implements AsyncDisposable {
  readonly url: string
  /** `METHOD /path` of each request, in order. */
  readonly requests: string[] = []
  readonly #server: Server

  private constructor(server: Server, url: string) {
    this.#server = server
    this.url = url
  }

  static async start(): Promise<AuthorizationServer> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const started = new AuthorizationServer(server, url)
    const provider = new Provider(url, await configuration())
    const callback = provider.callback()
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      started.requests.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0]}`)
      const uid = /^\/interaction\/([\w-]+)/.exec(request.url ?? '')?.[1]
      if (uid === undefined) void callback(request, response)
      else void interact(provider, request, response)
    })
    return started
  }

  countOf(request: string): number {
    return this.requests.filter((each) => each === request).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

async function configuration(): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'first', alg: 'ES256', use: 'sig' }] },
    scopes: SCOPES,
    cookies: { keys: ['of this test'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    rotateRefreshToken: () => true,
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    extraTokenClaims: () => CLAIMS,
    loadExistingGrant: async (ctx) => {
      const { provider, client, session, params } = ctx.oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      const asked = params?.['scope']
      const scope = typeof asked === 'string' ? asked : ''
      grant.addOIDCScope(scope)
      for (const resource of [params?.['resource']].flat()) {
        if (typeof resource === 'string') grant.addResourceScope(resource, scope)
      }
      await grant.save()
      return grant
    },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: SCOPES.join(' '),
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: TTL_SECONDS,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  }
}

/** The page with the button, and what the button does. */
async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST') {
    await provider.interactionFinished(request, response, { login: { accountId: 'ann' }, consent: {} })
    return
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
  response.end(
    `<!doctype html><title>Sign in</title><form method="post"><button id="allow">Sign in as Ann</button></form>`,
  )
}
