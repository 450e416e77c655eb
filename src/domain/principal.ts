/** What a person allowed a client: the grant that a token of the authorization server inside belongs to. */
export interface TokenGrant {
  readonly id: string
  readonly isRevoked: () => boolean
  /** Calls `end` once when the grant is revoked; the returned function calls that off. */
  readonly onRevoked: (end: () => void) => () => void
}

/** An authenticated caller, from the claims of its verified token. */
export interface Principal {
  readonly tenantId: string
  readonly subject: string
  /** The calling program; absent when the token names none. */
  readonly agent: string | undefined
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly issuer: string
  /** Expiry of the token, in milliseconds since the epoch. */
  readonly expiresAtMs: number
  /** Absent unless the authorization server inside issued the token, to a client that a person approved. */
  readonly grant?: TokenGrant
}

/** `^[a-z0-9][a-z0-9-]{0,62}$`: the form of a tenant id. */
export const TENANT_ID = /^[a-z0-9][a-z0-9-]{0,62}$/

/** What the id of a tenant looks like, in words. */
export const OWN_TENANT_TEXT = 'expected an id of at most 63 lower-case letters, digits and "-"'

/** The tenant id of servers that every tenant may see. No token can name it: it is not a valid tenant id. */
export const ALL_TENANTS = '*'

/**
 * Identity of everything that decides what a caller may do; equal keys mean equal rights, so a narrower token of the
 * same user is another owner. Expiry and grant of the token are not part of it.
 */
export function principalKey(principal: Principal): string {
  return keysOf(principal).whole
}

/** Identity of everything that access decisions depend on: principals with equal keys have equal views. */
export function accessKey(principal: Principal): string {
  return keysOf(principal).access
}

/** Principals are immutable, so the keys of each are made once. */
const known = new WeakMap<Principal, { readonly access: string; readonly whole: string }>()

function keysOf(principal: Principal): { readonly access: string; readonly whole: string } {
  const before = known.get(principal)
  if (before !== undefined) return before
  const { tenantId, agent = null, roles, scopes, issuer, subject } = principal
  const access = JSON.stringify([tenantId, agent, roles.toSorted(), scopes.toSorted()])
  const keys = { access, whole: JSON.stringify([issuer, subject, access]) }
  known.set(principal, keys)
  return keys
}
