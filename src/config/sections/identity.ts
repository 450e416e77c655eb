import { issuerEntries } from '../issuers.ts'
import { optional, setting } from '../setting.ts'
import * as values from '../values.ts'

/** Environment variables of identity providers and rights. */
export const identity = {
  LOCAL_ISSUER: setting(
    values.oneOf(['auto', 'on', 'off']),
    'auto',
    'Whether the gateway issues tokens itself, for evaluation; `auto`: when HOST is loopback and STORE is `file`. Never on another address.',
  ),
  OAUTH_SERVER: setting(
    values.oneOf(['auto', 'on', 'off']),
    'auto',
    'Whether clients can register and get tokens at the gateway itself, after a person has signed in and approved them; `auto`: where there is a local issuer.',
  ),
  OAUTH_GRANT_HOURS: optional(
    values.integer(1, 8760),
    '4320 with the local issuer, else 24',
    'Time until a person has to approve a client again, in hours. The roles of tokens are those that the person had then.',
  ),
  OAUTH_CLIENT_DOCUMENTS: setting(
    values.oneOf(['on', 'off']),
    'on',
    'Whether clients may be known by a metadata document, which the gateway fetches from their sites. With `off`, for a gateway that cannot reach them, all clients register themselves.',
  ),
  OIDC_ISSUER: optional(
    values.secureUrl,
    'none',
    'Identity provider whose tokens are accepted: the `iss` of its tokens.',
  ),
  OIDC_AUDIENCE: optional(
    values.words,
    'PUBLIC_URL',
    'The `aud` of tokens for the whole gateway; PUBLIC_URL and URLs of paths below it are accepted, too, each for its path.',
  ),
  OIDC_CLIENT_ID: optional(
    values.words,
    'none',
    'Client of the gateway at OIDC_ISSUER, with the redirect URI `PUBLIC_URL/signin/callback`: people sign in with it.',
  ),
  OIDC_CLIENT_SECRET: optional(values.secretWords, 'a public client', 'Secret of that client.'),
  OIDC_JWKS_URL: optional(
    values.secureUrl,
    'discovery at the issuer',
    'URL of the signing keys (JSON Web Key Set) of OIDC_ISSUER.',
  ),
  OIDC_TENANTS: setting(values.tenantListOrAll, '*', 'Tenants that tokens of OIDC_ISSUER may name.'),
  OIDC_ALGORITHMS: setting(
    values.algorithmList,
    'RS256,ES256,PS256,EdDSA',
    'Signature algorithms that are accepted.',
  ),
  OIDC_MAX_TOKEN_HOURS: setting(
    values.integer(1, 9600),
    '24',
    'Longest lifetime of a token, in hours: tokens that are valid for longer are rejected. Tokens of the local issuer may have up to 30 days.',
  ),
  OIDC_SCOPES: setting(
    values.scopeList,
    '',
    'Scopes that clients are told to request from the identity provider, in addition to those that tools require.',
  ),
  CLAIM_TENANT: setting(
    values.words,
    'tenant_id',
    'Claim with the tenant. In each of these settings a path with dots leads into nested claims.',
  ),
  CLAIM_ROLES: setting(
    values.words,
    'roles',
    'Claim with the roles, a list of strings; for example `realm_access.roles` with Keycloak. A string counts as no roles.',
  ),
  CLAIM_SCOPE: setting(values.words, 'scope', 'Claim with the scopes.'),
  CLAIM_AGENT: setting(
    values.words,
    'agent',
    'Claim with the name of the calling agent; tokens without it are named by `client_id`, else by `azp`.',
  ),
  CLAIM_AGENTS: setting(
    values.words,
    'agents',
    'Claim with the agent names that `x-agent-name` may choose from.',
  ),
  OIDC_ISSUERS: optional(
    issuerEntries,
    'none',
    'Several identity providers, each with its tenants; absent fields are taken from the settings above.',
  ),
  PLATFORM_ADMIN_ROLE: setting(
    values.words,
    'platform-admin',
    'Role that, in addition to `operator`, is required to write servers for all tenants and programs that the gateway starts.',
  ),
  APPROVER_ROLES: setting(
    values.wordList,
    'operator,approver',
    'Roles of those who may approve calls of others and changed definitions of tools, in their own tenant; see docs/approvals.md. One of them is enough.',
  ),
  STATE_KEY: optional(
    values.digestKey,
    'a key created in DATA_DIR',
    'Secret key that encrypts what clients carry from one request to the next: ids of sessions, open questions, handles of tasks. Replicas that serve the same clients share it; needed when STORE is `firestore`.',
  ),
  STATE_KEY_PREVIOUS: optional(
    values.digestKey,
    'none',
    'The STATE_KEY before the current one, while what it encrypted is still in use; see docs/operations.md.',
  ),
  TRUST_AGENT_HEADER: setting(
    values.tenantList,
    '',
    'Tenants whose `x-agent-name` header is trusted even if the token does not list the name.',
  ),
}
