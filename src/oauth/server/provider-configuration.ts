import { OWNER_ONLY_ROLE } from '../../identity/browser/local-owner.ts'
import { MAX_CLIENT_ID } from '../clients/client-identity.ts'
import type {
  AdapterFactory,
  Configuration,
  ErrorOut,
  errors as providerErrors,
  KoaContextWithOIDC,
} from 'oidc-provider'
import { publicPath } from '../../domain/public-path.ts'
import { type KeyRing, keysFor } from '../../domain/seal/key-ring.ts'
import { pathsFor } from '../../identity/audience.ts'
import type { SigningKey } from '../../identity/own-issuer/signing-keys.ts'
import { toPublicClient } from '../clients/client-metadata.ts'
import type { Grant } from '../grants/grant.ts'
import { html } from '../../domain/text/html.ts'
import { renderPage } from '../pages/page.ts'
import { accountOf } from '../grants/account.ts'
import { ENDPOINTS } from './endpoints.ts'
import { shownId } from './shown-id.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long a client can go on without the person, in seconds. */
export interface GrantLifetime {
  /** Since the client last refreshed its token. */
  readonly idle: number
  /** Since the person approved it. */
  readonly total: number
}

/** What the provider asks of the gateway. */
export interface ProviderHooks {
  /** All scopes that a token can have. */
  readonly scopes: () => readonly string[]
  /** What a person allowed a client, with the person's roles of now; undefined when that has ended. */
  readonly grantOf: (accountId: string, grantId: string) => Promise<Grant | undefined>
  /** The text of a client's metadata document. @throws Error when it may not be fetched, or cannot */
  readonly metadataDocument: (address: string) => Promise<string>
  /** Whether clients may be known by metadata documents at all. */
  readonly hasClientDocuments: boolean
  /** Whether a metadata document may be fetched for a request that is not a person's. */
  readonly isKnownClient: (clientId: string) => Promise<boolean>
}

interface ProviderParts extends ProviderHooks {
  readonly errors: typeof providerErrors
  readonly publicUrl: string
  readonly adapter: AdapterFactory
  readonly keys: readonly SigningKey[]
  readonly stateKeys: KeyRing
  readonly lifetime: GrantLifetime
}

/** How `oidc-provider` is set up: public clients, codes with PKCE S256, tokens as JWT for resources of this gateway. */
export function providerConfiguration(parts: ProviderParts): Configuration {
  const { errors, publicUrl, adapter, keys, lifetime } = parts
  const cookie = { httpOnly: true, sameSite: 'lax', signed: true } as const
  const { interaction, ...routes } = ENDPOINTS
  return {
    adapter,
    jwks: { keys: keys.map(({ kid, jwk }) => ({ ...jwk, kid, alg: 'ES256', use: 'sig' })) },
    routes,
    cookies: {
      keys: keysFor(parts.stateKeys, 'provider cookies').map((key) => key.toString('hex')),
      names: { session: 'tg_oauth', interaction: 'tg_interaction', resume: 'tg_resume' },
      long: { ...cookie, path: publicPath(publicUrl, routes.authorization) },
      short: cookie,
    },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['none'],
    clientBasedCORS: () => true,
    clientDefaults: { id_token_signed_response_alg: 'ES256', token_endpoint_auth_method: 'none' },
    extraClientMetadata: {
      properties: ['tool_gateway'],
      validator: (_ctx, _key, _value, metadata) =>
        toPublicClient(metadata, (message) => new errors.InvalidClientMetadata(message)),
    },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    features: featuresOf(parts),
    fetchResponseBodyLimits: { 'client_id metadata document': 64 * 1024 },
    extraTokenClaims: (_ctx, token) => claimsOf(parts, token),
    formats: { customizers: { jwt: (_ctx, _token, { payload }) => nameSubject(payload) } },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    loadExistingGrant: async ({ oidc }) => {
      const consented = oidc.result?.consent?.grantId
      return consented === undefined ? undefined : await oidc.provider.Grant.find(consented)
    },
    expiresWithSession: () => false,
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    interactions: { url: (_ctx, { uid }) => `${publicUrl}${interaction}/${uid}` },
    renderError,
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: MINUTE,
      Grant: lifetime.total,
      IdToken: HOUR,
      Interaction: 10 * MINUTE,
      RefreshToken: lifetime.idle,
      Session: MINUTE,
    },
  }
}

function featuresOf(parts: ProviderParts): NonNullable<Configuration['features']> {
  const { errors, publicUrl, scopes, hasClientDocuments, isKnownClient } = parts
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false },
    registration: {
      enabled: true,
      issueRegistrationAccessToken: false,
      idFactory: () => shownId('client'),
    },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
    },
    clientIdMetadataDocument: {
      enabled: hasClientDocuments,
      ack: 'draft-02',
      // Anonymous callers must not make the gateway fetch addresses of their choice.
      allowFetch: async ({ oidc }, clientId) =>
        clientId.length <= MAX_CLIENT_ID &&
        (oidc.route === 'authorization' || oidc.route === 'resume' || (await isKnownClient(clientId))),
      cacheDuration: { min: MINUTE, max: HOUR },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf ?? publicUrl,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (pathsFor(resource, { audience: publicUrl, publicUrl }).length === 0)
          throw new errors.InvalidTarget(`the resource is not one of ${publicUrl}`)
        return {
          scope: scopes().join(' '),
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: HOUR,
          jwt: { sign: { alg: 'ES256' } },
        }
      },
    },
  }
}

/** What a token says in addition to what every JWT access token does (RFC 9068). */
async function claimsOf({ grantOf, errors }: ProviderParts, token: object): Promise<Record<string, unknown>> {
  const { accountId, grantId } = token as { accountId?: string; grantId?: string }
  const grant =
    accountId !== undefined && grantId !== undefined ? await grantOf(accountId, grantId) : undefined
  if (grant === undefined) throw new errors.InvalidGrant('the grant has ended')
  const { id, tenantId, roles, agent } = grant
  const ofPrograms = roles.filter((role) => role !== OWNER_ONLY_ROLE)
  return { tenant_id: tenantId, roles: ofPrograms, agent, grant_id: id }
}

function nameSubject(payload: Record<string, unknown>): void {
  const { sub } = payload
  if (typeof sub === 'string') payload['sub'] = accountOf(sub).subject
}

function renderError(ctx: KoaContextWithOIDC, out: ErrorOut): void {
  const { error, error_description: description } = out
  const { headers, text } = renderPage({
    title: 'This request cannot be served',
    content: html`<p>The program that opened this page made a request that is not valid.</p>
      <dl>
        <dt>Error</dt>
        <dd><code>${error}</code></dd>
        <dt>Reason</dt>
        <dd>${description}</dd>
      </dl>
      <p class="soft">Close this page and start again from the program.</p>`,
  })
  ctx.set(headers)
  ctx.body = text
}

/** How long grants last when a person has to approve a client again after so many hours. */
export function grantLifetime(hours: number): GrantLifetime {
  return { idle: Math.min(30 * DAY, hours * HOUR), total: hours * HOUR }
}
