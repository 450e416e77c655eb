import type { Principal } from '../../domain/principal.ts'
import { LOCAL_ISSUER } from '../local-names.ts'

/**
 * The person who runs a gateway in the embedded mode: subject and roles. Whoever can write its registry file says what it
 * starts anyway, so that the pages let this person add programs and packages.
 */
export const LOCAL_OWNER = {
  subject: 'you',
  roles: ['reader', 'operator', 'auditor', 'platform-admin'],
} as const

/** The agent name of what a person does in a browser. */
export const BROWSER_AGENT = 'browser'

/** The owner of a gateway in the embedded mode, in a browser until `expiresAtMs`. */
export function localOwner(tenantId: string, expiresAtMs: number): Principal {
  const { subject, roles } = LOCAL_OWNER
  return { tenantId, subject, agent: BROWSER_AGENT, roles, scopes: [], issuer: LOCAL_ISSUER, expiresAtMs }
}
