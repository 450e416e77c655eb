import type { RequestHandler } from 'express'
import { identityOf } from '../identity/identity.ts'
import { isApprover } from '../domain/approvers.ts'
import { GatewayError } from '../domain/errors/errors.ts'

/** Lets a request pass only if its caller has `role` in its tenant. */
export function requireRole(role: 'operator' | 'auditor'): RequestHandler {
  return (_request, response, next) => {
    if (!identityOf(response).principal.roles.includes(role)) {
      throw new GatewayError('forbidden', `This needs the role ${role}`)
    }
    next()
  }
}

/** Lets a request pass only if its caller may approve in its tenant. */
export function requireApprover(approverRoles: readonly string[]): RequestHandler {
  return (_request, response, next) => {
    if (!isApprover(identityOf(response).principal, approverRoles))
      throw new GatewayError('forbidden', `This needs one of the roles ${approverRoles.join(', ')}`)
    next()
  }
}
