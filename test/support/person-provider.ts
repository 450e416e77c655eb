import { once } from 'node:events'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

/** Who signs in next. */
interface NextPerson {
  readonly sub: string
  readonly claims?: Record<string, unknown>
}

/** A real OpenID provider of a tenant, on loopback: whoever comes is the next person, without a question. */
export interface PersonProvider {
  readonly url: string
  next: NextPerson
  readonly close: () => Promise<void>
}

/** @param redirectUri the one redirect URI of the gateway's client */
export async function startPersonProvider(redirectUri: () => string): Promise<PersonProvider> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const world: PersonProvider = {
    url,
    next: { sub: 'ann' },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  const claims = new Map<string, Record<string, unknown>>()
  const provider = new Provider(url, {
    clients: [
      {
        client_id: 'gateway',
        client_secret: 'secret-of-the-gateway-at-the-provider',
        token_endpoint_auth_method: 'client_secret_post',
        redirect_uris: [redirectUri()],
      },
    ],
    claims: { openid: ['sub', 'groups', 'tenant_id'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...claims.get(id) }) }),
    interactions: { url: (_ctx, { uid }) => `/person/${uid}` },
    cookies: {
      names: { session: 'p_session', interaction: 'p_interaction', resume: 'p_resume' },
      keys: ['test'],
    },
    ttl: { Session: 60, Interaction: 60, Grant: 60, AccessToken: 60, IdToken: 60 },
    renderError: (ctx, out) => {
      ctx.body = JSON.stringify(out)
    },
  })
  const callback = provider.callback()
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/person/') !== true) return void callback(request, response)
    void answer(provider, { request, response, world, claims })
  })
  return world
}

async function answer(
  provider: Provider,
  on: {
    request: Parameters<Provider['interactionDetails']>[0]
    response: Parameters<Provider['interactionDetails']>[1]
    world: PersonProvider
    claims: Map<string, Record<string, unknown>>
  },
): Promise<void> {
  const { request, response, world, claims } = on
  const { sub, claims: said = {} } = world.next
  claims.set(sub, said)
  const { params } = await provider.interactionDetails(request, response)
  const grant = new provider.Grant({ accountId: sub, clientId: String(params['client_id']) })
  grant.addOIDCScope('openid profile email')
  const consent = { grantId: await grant.save() }
  await provider.interactionFinished(request, response, {
    login: { accountId: sub, remember: false },
    consent,
  })
}
