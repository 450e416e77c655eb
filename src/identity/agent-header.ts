import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'
import type { VerifiedToken } from './claims/claims.ts'

/** Printable ASCII without the comma, with which HTTP joins repeated headers. */
const MAX_SHOWN = 10
const AGENT_NAME = /^[\x20-\x2b\x2d-\x7e]{1,256}$/

/**
 * The principal under the agent name that the `x-agent-name` header asks for. A name must be the token's own agent or
 * one of its `agents`; only callers of the trusted tenants may give any other, and never a client that registered itself
 * and was approved by a person.
 * @throws GatewayError `agent_not_allowed`
 */
export function narrowAgent(
  verified: VerifiedToken,
  header: string | undefined,
  trustsHeader: (tenantId: string) => boolean,
): Principal {
  const { principal, agents } = verified
  if (header === undefined || header === principal.agent) return principal
  const isOwnClient = principal.grant !== undefined
  const trusted = !isOwnClient && trustsHeader(principal.tenantId) && AGENT_NAME.test(header)
  if (!agents.includes(header) && !trusted) throw notListed(header, principal.agent, agents)
  return { ...principal, agent: header }
}

function notListed(asked: string, own: string | undefined, agents: readonly string[]): GatewayError {
  const allowed = [...new Set([...(own === undefined ? [] : [own]), ...agents])].slice(0, MAX_SHOWN)
  const may = allowed.length === 0 ? 'the token does not list any' : `it lists ${allowed.join(', ')}`
  return new GatewayError(
    'agent_not_allowed',
    `The token does not list the agent ${JSON.stringify(asked.slice(0, 64))} that x-agent-name asks for; ${may}`,
  )
}
