import { z } from 'zod'
import { clientId, clientSecret, headerValue, httpUrl, scopes } from './auth-fields.ts'
import { clientCredentials, gatewayAssertion, tokenExchange } from './machine-auth.ts'

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

/** What says where a request comes from or goes to, or belongs to the browser that sent it. */
const NOT_FORWARDED =
  /^(accept|accept-encoding|content-encoding|content-type|cookie|forwarded|host|origin|proxy-.*|referer|sec-.*|set-cookie|traceparent|tracestate|via|x-forwarded-.*)$/
const MAX_FORWARDED = 20

/** Names of headers of callers that a server gets with their calls, in lower case. */
export const forwardedNames = z
  .array(
    z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'not a legal header name')
      .toLowerCase()
      .refine(
        (name) => !OWN_HEADERS.test(name) && !NOT_FORWARDED.test(name),
        'a header that is never passed on',
      ),
  )
  .min(1)
  .max(MAX_FORWARDED)

interface Forwarding {
  readonly forwardHeaders?: readonly string[] | undefined
  readonly transport: string
  readonly headers: Readonly<Record<string, string>>
  readonly auth: ServerAuth
}

/** Refuses headers of callers that would stand in for those of the document. */
export function checkForwarding(server: Forwarding, context: z.RefinementCtx): void {
  const { forwardHeaders = [], transport, headers, auth } = server
  const problem = (message: string): void =>
    context.addIssue({ code: 'custom', path: ['forwardHeaders'], message })
  if (forwardHeaders.length > 0 && transport !== 'streamable-http')
    problem('forwardHeaders needs transport streamable-http')
  const own = [...Object.keys(headers), ...(auth.kind === 'headers' ? Object.keys(auth.headers) : [])]
  for (const name of own)
    if (forwardHeaders.includes(name.toLowerCase())) problem(`the document sets the header ${name} itself`)
  if (forwardHeaders.includes('authorization') && auth.kind !== 'none' && auth.kind !== 'headers')
    problem(`auth of kind ${auth.kind} sets the header authorization itself`)
}

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

/** An account at the authorization server of the server: of each person, or of the tenant. */
const oauth = z
  .strictObject({
    kind: z.literal('oauth'),
    per: z.enum(['user', 'tenant']).default('user'),
    /** The authorization server; by default the one that the server names. */
    issuer: httpUrl.optional(),
    clientId: clientId.optional(),
    clientSecret: clientSecret.optional(),
    /** Scopes to ask for; by default those that the server asks for. */
    scopes: scopes.optional(),
    /** Further parameters of the authorization request, such as `access_type` of Google. */
    authorizationParameters: parameters.optional(),
  })
  .refine(({ clientId: id, clientSecret: secret }) => secret === undefined || id !== undefined, {
    path: ['clientId'],
    message: 'clientSecret needs clientId',
  })

/** How the gateway proves to a server who calls. */
export const serverAuth = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('bearer'), token: headerValue.min(1) }),
  z.strictObject({ kind: z.literal('headers'), headers: headerFields }),
  oauth,
  clientCredentials,
  tokenExchange,
  gatewayAssertion,
])

/** A checked `auth` of a server document, with defaults filled in. */
export type ServerAuth = z.output<typeof serverAuth>
/** An `auth` of kind `oauth`. */
export type OAuthAuth = Extract<ServerAuth, { kind: 'oauth' }>

/**
 * Whose credential an `auth` stands for: the same for all callers, an account of each tenant or of each person, or one
 * that the gateway gets for each caller.
 */
export type CredentialHolder = 'server' | 'tenant' | 'person' | 'caller'

/** Whose credential a server gets with a call. */
export function credentialHolder({ auth }: { readonly auth?: ServerAuth }): CredentialHolder {
  if (auth?.kind === 'token_exchange' || auth?.kind === 'gateway_assertion') return 'caller'
  if (auth?.kind !== 'oauth') return 'server'
  return auth.per === 'user' ? 'person' : 'tenant'
}

/** Whether a server gets an account that somebody has connected. */
export function hasAccount(server: { readonly auth?: ServerAuth }): boolean {
  return server.auth?.kind === 'oauth'
}
