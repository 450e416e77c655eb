import { type AuthorizationServer, type Client, type ClientAuth, ClientSecretPost, None } from 'oauth4webapi'
import { z } from 'zod'
import { isJsonObject } from '../../domain/json/json.ts'

/** The metadata of an authorization server, as they are kept. */
export const keptMetadata = z.custom<AuthorizationServer>(
  (value) => isJsonObject(value) && typeof value['issuer'] === 'string',
)

/** A client of the gateway, as it is kept. */
export const keptClient = z.object({
  clientId: z.string(),
  clientSecret: z.string().optional(),
  method: z.string().optional(),
  /** Whether the secret is that of the document, which may change. */
  isOfDocument: z.boolean(),
})

/** The gateway as a client of an authorization server. */
export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret?: string | undefined
  /** How the secret is sent; decided by the metadata of the authorization server if absent. */
  readonly method?: string | undefined
}

/** The client in the form that requests need. */
export function clientOf({ clientId }: OAuthClient): Client {
  return { client_id: clientId }
}

/** How the client proves who it is (RFC 6749 §2.3). */
export function clientAuthOf(
  { clientSecret, method }: OAuthClient,
  { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] }: AuthorizationServer,
): ClientAuth {
  if (clientSecret === undefined) return None()
  const isBasic =
    method === undefined ? supported.includes('client_secret_basic') : method === 'client_secret_basic'
  return isBasic ? basicAuth(clientSecret) : ClientSecretPost(clientSecret)
}

/**
 * `client_secret_basic` (RFC 6749 §2.3.1). Both parts are encoded as browsers encode forms, and no further: there are
 * authorization servers that do not decode them, and most ids and secrets have nothing to encode then.
 */
export function basicAuth(clientSecret: string): ClientAuth {
  return (_as, { client_id: clientId }, _body, headers) => {
    const pair = `${formText(clientId)}:${formText(clientSecret)}`
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
  }
}

function formText(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2)
}
