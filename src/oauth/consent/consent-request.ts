import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { GatewayError } from '../../domain/errors/errors.ts'
import { type ClientFacts, clientFacts } from '../clients/client-identity.ts'

/** What a client asks a person for. */
export interface ConsentRequest {
  readonly uid: string
  readonly client: ClientFacts
  readonly redirectUri: string
  readonly resources: readonly string[]
  /** Scopes for the resources. */
  readonly scopes: readonly string[]
  /** Scopes that mean nothing to the person's tenant. */
  readonly others: readonly string[]
  /** Scopes that concern the person: `openid`, `offline_access`. */
  readonly personScopes: readonly string[]
}

const PERSON_SCOPES = new Set(['openid', 'offline_access'])

/**
 * The request that a browser is in the middle of: the cookie names it, so that no other browser can answer.
 * @throws GatewayError `not_found` when it has expired, or was made in another browser
 */
export async function consentRequest(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  known: ReadonlySet<string>,
): Promise<ConsentRequest> {
  const { uid, params } = await provider.interactionDetails(request, response).catch((cause: unknown) => {
    throw gone(cause)
  })
  const { client_id: clientId, redirect_uri: redirectUri, resource, scope } = params
  const client = await provider.Client.find(String(clientId))
  if (client === undefined) throw gone(undefined)
  const asked = typeof scope === 'string' ? scope.split(' ') : []
  return {
    uid,
    client: clientFacts(client),
    redirectUri: String(redirectUri),
    resources: (Array.isArray(resource) ? resource : [resource]).map(String),
    scopes: asked.filter((each) => known.has(each)),
    others: asked.filter((each) => !known.has(each) && !PERSON_SCOPES.has(each)),
    personScopes: asked.filter((each) => PERSON_SCOPES.has(each)),
  }
}

function gone(cause: unknown): GatewayError {
  return new GatewayError('not_found', 'This request has expired, or was begun in another browser', { cause })
}
