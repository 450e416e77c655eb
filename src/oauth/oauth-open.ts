import { Router } from 'express'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { OpenIdentity } from '../identity/identity-open.ts'
import { LocalSignIn, signInLink } from './sign-in/local-sign-in.ts'
import { signInRoutes } from './sign-in/sign-in-routes.ts'

/** How persons sign in while the gateway runs. */
export interface OpenOAuth {
  /** Routes for browsers, which need no token. */
  readonly routes: Router
  /** A one-time link that signs a browser in as the owner of the embedded mode; undefined in the cloud mode. */
  readonly signInLink: (() => string) | undefined
}

/** Opens the sign-in of persons. */
export function openOAuth(
  { publicUrl, defaultTenant: tenantId }: Pick<Settings, 'publicUrl' | 'defaultTenant'>,
  {
    identity,
    onSignInLink,
    clock,
  }: { identity: OpenIdentity; onSignInLink: (url: string) => void; clock: Clock },
): OpenOAuth {
  const { browserSessions: sessions, oneTimeCodes: codes, localIssuer } = identity
  if (localIssuer === undefined) return { routes: Router(), signInLink: undefined }
  const method = new LocalSignIn({ sessions, codes, publicUrl, tenantId, onLink: onSignInLink, clock })
  return {
    routes: signInRoutes({ sessions, publicUrl, method }),
    signInLink: () => signInLink(publicUrl, codes.issue()),
  }
}
