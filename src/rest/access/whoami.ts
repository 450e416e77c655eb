import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { type ClaimOrigins, claimOrigins, claimsIn } from '../../identity/claims/claim-origins.ts'
import { identityOf } from '../../identity/identity.ts'
import type { TokenVerifier } from '../../identity/token-verifier.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'

/** What knows how tokens are read. */
export type IssuerRules = Pick<TokenVerifier, 'settingsOf'>

const fromClaim = z.object({
  name: z.string(),
  claim: z.string().optional().describe('The claim of the token that it came from'),
})

/** The caller of a request, and where each part of it came from. */
export const whoamiAnswer = z.object({
  tenantId: z.string(),
  subject: z.string(),
  agent: fromClaim.nullable(),
  agents: z.array(z.string()).describe('Other agents that `x-agent-name` may name'),
  roles: z.array(fromClaim),
  scopes: z.array(fromClaim),
  issuer: z.string(),
  expiresAt: z.iso.datetime(),
  clientName: z.string().optional(),
  unreadClaims: z
    .array(z.object({ claim: z.string(), values: z.array(z.string()) }))
    .describe('Claims with names that the gateway does not read'),
  notes: z.array(z.string()),
})

/** `GET /v1/whoami`: whom the gateway takes the caller for, and from which claim each part of that was read. */
export function whoamiRoutes(rules: IssuerRules): Router {
  const router = Router()
  router.get('/whoami', (request, response) => {
    response.json(whoami(request, response, rules))
  })
  router.all('/whoami', methodNotAllowed('GET'))
  return router
}

/** Where the parts of the caller were read; undefined if the request carries no token. */
export function originsOf(request: Request, rules: IssuerRules): ClaimOrigins | undefined {
  const token = /^Bearer +(\S+)/i.exec(request.get('authorization') ?? '')?.[1]
  const claims = token === undefined ? undefined : claimsIn(token)
  const settings = rules.settingsOf(String(claims?.['iss']))
  return claims === undefined || settings === undefined ? undefined : claimOrigins(claims, settings)
}

function whoami(request: Request, response: Response, rules: IssuerRules): z.input<typeof whoamiAnswer> {
  const { principal, clientName, agents = [] } = identityOf(response)
  const { tenantId, subject, agent, roles, scopes, issuer, expiresAtMs } = principal
  const origins = originsOf(request, rules)
  const isFromHeader = agent !== undefined && request.get('x-agent-name') === agent
  return {
    tenantId,
    subject,
    agent: agent === undefined ? null : from(agent, isFromHeader ? 'x-agent-name' : origins?.agent),
    agents: [...agents],
    roles: roles.map((role) => from(role, origins?.roles)),
    scopes: scopes.map((scope) => from(scope, origins?.scopes)),
    issuer,
    expiresAt: new Date(expiresAtMs).toISOString(),
    ...(clientName !== undefined && { clientName }),
    unreadClaims: (origins?.unread ?? []).map(({ claim, values }) => ({ claim, values: [...values] })),
    notes: [...(origins?.problems ?? [])],
  }
}

function from(name: string, claim: string | undefined): z.input<typeof fromClaim> {
  return { name, ...(claim !== undefined && { claim }) }
}
