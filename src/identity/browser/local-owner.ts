import type { Principal } from '../../domain/principal.ts'
import { LOCAL_ISSUER } from '../local-names.ts'

/** The person who runs a gateway in the embedded mode, as in the token that the start prints. */
export const LOCAL_OWNER = { subject: 'you', roles: ['reader', 'operator', 'auditor'] } as const

/**
 * A role of the person in a browser, and of no program that the person allows: it adds programs and packages, which
 * run on this machine. Anyone who can write the registry file determines which programs the gateway starts in any case.
 */
export const OWNER_ONLY_ROLE = 'platform-admin'

/** The agent name of what a person does in a browser. */
export const BROWSER_AGENT = 'browser'

/** The owner of a gateway in the embedded mode, in a browser until `expiresAtMs`. */
export function localOwner(tenantId: string, expiresAtMs: number): Principal {
  const { subject } = LOCAL_OWNER
  const roles = [...LOCAL_OWNER.roles, OWNER_ONLY_ROLE]
  return { tenantId, subject, agent: BROWSER_AGENT, roles, scopes: [], issuer: LOCAL_ISSUER, expiresAtMs }
}
