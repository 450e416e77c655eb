import type { Request } from 'express'
import { z } from 'zod'
import { GatewayError } from '../../domain/errors/errors.ts'
import { type Principal, TENANT_ID } from '../../domain/principal.ts'
import { type ClaimOrigins, claimOrigins } from '../../identity/claims/claim-origins.ts'
import { readClaims } from '../../identity/claims/claims.ts'
import { needAdmin } from '../management/managed-server.ts'
import { anyObject } from '../query.ts'
import { type IssuerRules, originsOf } from './whoami.ts'

const name = z.string().min(1).max(256)

/** What a question is about. */
export const askedBody = {
  tool: name.optional().describe('Name of a tool, as callers see it'),
  prompt: name.optional(),
  resource: z.string().min(1).max(8192).optional().describe('URI of a resource of `server`'),
  server: z
    .string()
    .min(1)
    .max(40)
    .optional()
    .describe('A server; with `tool`, the name is the one at `/mcp/{server}`'),
}

/** Whom a question is about; what is left out is empty. */
export const subjectBody = z.strictObject({
  tenantId: z.string().max(63).optional(),
  subject: name.optional(),
  agent: name.optional(),
  roles: z.array(z.string().min(1).max(256)).max(256).optional(),
  scopes: z.array(z.string().min(1).max(256)).max(256).optional(),
  claims: anyObject
    .optional()
    .describe('The claims of a token (its payload) instead of the other fields; read as those of its issuer'),
})

/** What decides who may ask about whom. */
export interface AskerRules {
  readonly issuers: IssuerRules
  /** Role of those who may ask about every tenant. */
  readonly platformAdminRole: string
}

/** Who asks, and about whom. */
export interface Asker {
  readonly self: Principal
  readonly about: Principal
  readonly isOperator: boolean
  readonly isAdmin: boolean
  /** Where the parts of the one whom it is about were read, if there are claims. */
  readonly origins: ClaimOrigins | undefined
}

/** Who asks, and about whom. @throws GatewayError `forbidden` for those who may not ask about others */
export function askerOf(
  rules: AskerRules,
  request: Request,
  self: Principal,
  subject: z.output<typeof subjectBody> | undefined,
): Asker {
  const isOperator = self.roles.includes('operator')
  const isAdmin = isOperator && self.roles.includes(rules.platformAdminRole)
  if (subject === undefined)
    return { self, about: self, isOperator, isAdmin, origins: originsOf(request, rules.issuers) }
  if (!isOperator) throw new GatewayError('forbidden', 'Asking about others needs the role operator')
  const { about, origins } = aboutOf(rules, self, subject)
  if (about.tenantId !== self.tenantId)
    needAdmin(self, rules.platformAdminRole, 'Asking about callers of another tenant')
  return { self, about, isOperator, isAdmin, origins }
}

function aboutOf(
  { issuers }: AskerRules,
  self: Principal,
  { claims, tenantId = self.tenantId, ...given }: z.output<typeof subjectBody>,
): Pick<Asker, 'about' | 'origins'> {
  if (claims !== undefined) {
    if (Object.keys(given).length > 0)
      throw new GatewayError('invalid_request', 'Give either claims or the other fields of principal')
    const settings = issuers.settingsOf(String(claims['iss']))
    if (settings === undefined)
      throw new GatewayError(
        'invalid_request',
        'principal.claims: the issuer (iss) is not one that the gateway trusts',
      )
    return { about: readClaims(claims, settings).principal, origins: claimOrigins(claims, settings) }
  }
  if (!TENANT_ID.test(tenantId))
    throw new GatewayError('invalid_request', 'principal.tenantId: not a tenant id')
  const { subject = '', agent, roles = [], scopes = [] } = given
  const { expiresAtMs } = self
  return { about: { tenantId, subject, agent, roles, scopes, issuer: '', expiresAtMs }, origins: undefined }
}
