import { z } from 'zod'

const MAX_SCOPES = 50
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'not a legal header value')

/** What tells where a message ends, belongs to one connection, or is what MCP says in a header. */
const OWN_HEADERS =
  /^(connection|content-length|expect|keep-alive|last-event-id|mcp-(method|name|protocol-version|session-id)|te|trailer|transfer-encoding|upgrade)$/i

/** Headers by name, as a document gives them. */
export const headerFields = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'not a legal header name')
    .refine((name) => !OWN_HEADERS.test(name), 'a header that only the gateway sets'),
  headerValue,
)

/** An address of a server or of an endpoint of it. */
export const httpUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .max(2048)
  .regex(/^[^\p{Cc}\p{Zs}]*$/u, 'must have no spaces and no control characters')
  .refine((text) => {
    const url = URL.parse(text)
    return url?.username === '' && url.password === '' && url.hash === ''
  }, 'must have no user name, password or fragment')

const scopes = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'not a legal scope'))
  .max(MAX_SCOPES)
/** Parameters that the gateway sets itself. */
const OWN_PARAMETERS =
  /^(response_type|response_mode|client_id|redirect_uri|scope|state|nonce|resource|code_challenge|code_challenge_method|request|request_uri)$/
const parameters = z.record(
  z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'not a legal name of a parameter')
    .refine((name) => !OWN_PARAMETERS.test(name), 'the gateway sets this parameter itself'),
  z.string().max(1000),
)

/** How the gateway is known to an authorization server. */
const client = {
  clientId: z.string().min(1).max(2048).optional(),
  clientSecret: headerValue.min(1).optional(),
}

/** An account at the authorization server of the server: of each person, or of the tenant. */
const oauth = z
  .strictObject({
    kind: z.literal('oauth'),
    per: z.enum(['user', 'tenant']).default('user'),
    /** The authorization server; by default the one that the server names. */
    issuer: httpUrl.optional(),
    ...client,
    /** Scopes to ask for; by default those that the server asks for. */
    scopes: scopes.optional(),
    /** Further parameters of the authorization request, such as `access_type` of Google. */
    authorizationParameters: parameters.optional(),
  })
  .refine(({ clientId, clientSecret }) => clientSecret === undefined || clientId !== undefined, {
    path: ['clientId'],
    message: 'clientSecret needs clientId',
  })

/** How the gateway proves to a server who calls. */
export const serverAuth = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('bearer'), token: headerValue.min(1) }),
  z.strictObject({ kind: z.literal('headers'), headers: headerFields }),
  oauth,
])

/** A checked `auth` of a server document, with defaults filled in. */
export type ServerAuth = z.output<typeof serverAuth>
/** An `auth` of kind `oauth`. */
export type OAuthAuth = Extract<ServerAuth, { kind: 'oauth' }>

/** Whose credential an `auth` stands for: the same for all callers, one for each tenant, or one for each person. */
export type CredentialHolder = 'server' | 'tenant' | 'person'

/** Whose credential a server gets with a call. */
export function credentialHolder(server: { readonly auth?: ServerAuth }): CredentialHolder {
  if (server.auth?.kind !== 'oauth') return 'server'
  return server.auth.per === 'user' ? 'person' : 'tenant'
}
