import { Router } from 'express'
import type { Administration } from '../audit/administration.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { ResolveSecret } from '../domain/documents/secret-reference.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { OpenIdentity } from '../identity/identity-open.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Logger } from '../telemetry/logger.ts'
import { assertionRoutes } from './assertions/assertion-routes.ts'
import { ClientGate } from './approvals/client-gate.ts'
import { clientRoutes } from './approvals/client-routes.ts'
import { ClientApprovals } from './clients/client-approvals.ts'
import type { Grant } from './grants/grant.ts'
import { KnownClients } from './clients/known-clients.ts'
import { fetchDocument } from './clients/metadata-document.ts'
import { consentRoutes } from './consent/consent-routes.ts'
import { followRevocations } from './grants/follow-revocations.ts'
import { grantRoutes } from './grants/grant-routes.ts'
import { Grants } from './grants/grants.ts'
import { accountOf } from './grants/account.ts'
import { AuthorizationServer } from './server/authorization-server.ts'
import { knownScopes } from './server/known-scopes.ts'
import { grantLifetime } from './server/provider-configuration.ts'
import { requestLimits } from './server/request-limits.ts'
import { browserRoutes, programRoutes } from './server/server-routes.ts'
import { LocalSignIn, signInLink } from './sign-in/local-sign-in.ts'
import { ProviderSignIn } from './sign-in/provider-sign-in.ts'
import { signInProviders } from './sign-in/sign-in-providers.ts'
import { signInRoutes } from './sign-in/sign-in-routes.ts'
import { SignInStates } from './sign-in/sign-in-state.ts'

/** How people sign in, and allow clients to act for them, while the gateway runs. */
export interface OpenOAuth {
  /** Routes for programs of any origin, which need no token and use no cookie. */
  readonly programs: Router
  /** Routes for browsers of people, which need no token. */
  readonly browsers: Router
  /** Routes of REST. */
  readonly rest: Router
  /** A one-time link that signs a browser in as the owner of the embedded mode; undefined in the cloud mode. */
  readonly signInLink: (() => string) | undefined
}

interface Context {
  readonly identity: OpenIdentity
  readonly catalog: Catalog
  readonly acts: Administration
  /** Whether the clients of a tenant need the approval of an operator. */
  readonly needsOperator: (tenantId: string) => boolean
  readonly store: StateStore
  readonly stateKeys: KeyRing
  readonly onSignInLink?: ((url: string) => void) | undefined
  readonly resolveSecret: ResolveSecret
  /** Requests to addresses that clients name. */
  readonly documents: Outbound
  readonly clock: Clock
  readonly logger: Logger
  readonly lifecycle: Lifecycle
}

type OAuthSettings = Pick<
  Settings,
  | 'publicUrl'
  | 'defaultTenant'
  | 'authorizationServer'
  | 'dashboard'
  | 'oauthGrantHours'
  | 'oauthClientDocuments'
  | 'store'
  | 'scopes'
>

/** Opens the sign-in of people, and the authorization server if it is on. Nothing is loaded before it is used. */
export function openOAuth(settings: OAuthSettings, context: Context): OpenOAuth {
  const { publicUrl } = settings
  const { identity } = context
  const server = openServer(settings, context)
  const signIn = openSignIn(settings, context)
  return {
    programs: Router().use(assertionRoutes(identity.assertions), server.programs),
    browsers: Router().use(signIn, server.browsers),
    rest: server.rest,
    signInLink:
      identity.localIssuer === undefined
        ? undefined
        : () => signInLink(publicUrl, identity.oneTimeCodes.issue()),
  }
}

function openSignIn(
  { publicUrl, defaultTenant: tenantId, dashboard: hasDashboard }: OAuthSettings,
  { identity, stateKeys: keys, resolveSecret, onSignInLink = () => undefined, clock, logger }: Context,
): Router {
  const { browserSessions: sessions, oneTimeCodes: codes, localIssuer, issuers } = identity
  const method =
    localIssuer === undefined
      ? new ProviderSignIn({
          sessions,
          states: new SignInStates({ keys, publicUrl, clock }),
          providers: () => signInProviders(issuers.signInIssuers, resolveSecret),
          outboundOf: (issuer) => issuers.outboundOf(issuer),
          publicUrl,
          clock,
          logger,
        })
      : new LocalSignIn({ sessions, codes, publicUrl, tenantId, onLink: onSignInLink, clock })
  return signInRoutes({ sessions, publicUrl, method, hasDashboard })
}

function openServer(
  settings: OAuthSettings,
  context: Context,
): Pick<OpenOAuth, 'programs' | 'browsers' | 'rest'> {
  const { publicUrl, authorizationServer, store: kind } = settings
  const { identity, store, clock, logger, lifecycle } = context
  const { signingKeys, revokedGrants: revoked, browserSessions: sessions } = identity
  if (!authorizationServer || signingKeys === undefined)
    return { programs: Router(), browsers: Router(), rest: Router() }
  const lifetime = grantLifetime(settings.oauthGrantHours)
  const scopes = knownScopes(settings.scopes, () => context.catalog.snapshot)
  const grants = new Grants({ ...context, revoked })
  const knownClients = new KnownClients({ store, clock })
  const approvals = new ClientApprovals({ store, clock })
  const server = new AuthorizationServer({
    ...context,
    scopes: scopes.all,
    publicUrl,
    signingKeys,
    lifetime,
    grantOf: async (accountId, id) => {
      const grant = await grants.get(accountOf(accountId), id)
      if (grant !== undefined) await grants.touch(grant)
      return grant
    },
    onGrantEnded: (accountId, id) => grants.revoke(accountOf(accountId), id),
    hasClientDocuments: settings.oauthClientDocuments,
    isKnownClient: (clientId) => knownClients.has(clientId),
    metadataDocument: (address) => fetchDocument(address, context.documents),
  })
  const gate = new ClientGate({
    ...context,
    approvals,
    keepClient: (clientId, seconds) => server.keepClient(clientId, seconds),
  })
  const revoke = (grant: Grant): Promise<void> => server.revoke(grant)
  if (kind === 'firestore')
    lifecycle.onClose('revoked grants', followRevocations({ store, revoked, clock, logger }))
  const limits = requestLimits(clock)
  const routes = { server, sessions, limits, publicUrl }
  return {
    programs: programRoutes(routes),
    browsers: Router().use(
      browserRoutes(routes),
      consentRoutes({
        ...context,
        scopes: scopes.of,
        server,
        gate,
        sessions,
        grants,
        knownClients,
        publicUrl,
        lifetime,
      }),
    ),
    rest: Router().use(
      '/v1',
      grantRoutes({ grants, revoke, acts: context.acts }),
      clientRoutes({ gate, approvals, grants, revoke }),
    ),
  }
}
