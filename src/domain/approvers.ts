import type { Principal } from './principal.ts'

/**
 * Whose yes a call needs. `caller`: that of the person in whose name it is made, given by the person and not by a
 * program, or that of an approver. `second-person`: that of an approver who is another person.
 */
export type ApprovalRule = 'caller' | 'second-person'

/** Who answers a request for approval. */
export interface Approver {
  readonly principal: Pick<Principal, 'tenantId' | 'subject' | 'roles'>
  /** Whether a person answers in a browser or by a client that asked, rather than a program that holds a token. */
  readonly isPerson: boolean
}

/** Whether a principal may approve definitions of tools, and calls of others, in its own tenant. */
export function isApprover({ roles }: Pick<Principal, 'roles'>, approverRoles: readonly string[]): boolean {
  return roles.some((role) => approverRoles.includes(role))
}

/**
 * Why a person may not approve a call; undefined for those who may. People are told apart by tenant and subject alone,
 * so that signing in at another issuer does not make a second person.
 */
export function refusalToApprove(
  { principal, isPerson }: Approver,
  requester: Pick<Principal, 'tenantId' | 'subject'>,
  { rule, approverRoles }: { readonly rule: ApprovalRule; readonly approverRoles: readonly string[] },
): 'another-tenant' | 'own-call' | 'not-in-person' | 'no-approver' | undefined {
  if (principal.tenantId !== requester.tenantId) return 'another-tenant'
  const isOwn = principal.subject === requester.subject
  if (!isOwn) return isApprover(principal, approverRoles) ? undefined : 'no-approver'
  if (rule === 'second-person') return 'own-call'
  return isPerson ? undefined : 'not-in-person'
}
