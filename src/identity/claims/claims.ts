import type { JWTPayload } from 'jose'
import { z } from 'zod'
import type { IssuerSettings } from '../../config/issuers.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type Principal, TENANT_ID } from '../../domain/principal.ts'

/** What a verified token says. Shared by all requests that carry it, so never changed. */
export interface VerifiedToken {
  readonly principal: Principal
  /** Agents that the caller may act as, in addition to the principal's own. */
  readonly agents: readonly string[]
}

const name = z.string().min(1).max(256)
/** A list of names. Anything else, a string too, counts as an empty list: nothing is granted on a guess. */
const names = z.array(name).max(256).catch([])
const scopes = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(' ').filter((scope) => scope !== '') : value),
  names,
)

/**
 * The principal that the claims of a verified token describe.
 * @throws GatewayError `invalid_token` when there is no subject or tenant, or the tenant is not the issuer's to name
 */
export function readClaims(payload: JWTPayload, issuer: IssuerSettings): VerifiedToken {
  checkRequired(payload, issuer)
  const tenantId = claimAt(payload, issuer.claims.tenant) ?? onlyTenantOf(issuer)
  if (typeof tenantId !== 'string' || !TENANT_ID.test(tenantId)) {
    throw new GatewayError('invalid_token', 'The token names no valid tenant.')
  }
  if (issuer.tenants !== '*' && !issuer.tenants.includes(tenantId)) {
    throw new GatewayError('invalid_token', 'The issuer of the token may not name this tenant.')
  }
  const subject = name.safeParse(payload.sub)
  if (!subject.success) throw new GatewayError('invalid_token', 'The token names no valid subject.')
  const principal: Principal = {
    tenantId,
    subject: subject.data,
    agent: agentOf(payload, issuer.claims.agent),
    roles: frozenSet(names.parse(rolesIn(payload, issuer))),
    scopes: frozenSet(scopes.parse(claimAt(payload, issuer.claims.scope))),
    issuer: issuer.issuer,
    expiresAtMs: Math.floor((payload.exp ?? 0) * 1000),
  }
  const agents = frozenSet(names.parse(claimAt(payload, issuer.claims.agents)))
  return Object.freeze({ principal: Object.freeze(principal), agents })
}

function checkRequired(payload: JWTPayload, { requiredClaims = {} }: IssuerSettings): void {
  const missing = Object.entries(requiredClaims).find(([claim, value]) => claimAt(payload, claim) !== value)
  if (missing !== undefined)
    throw new GatewayError('invalid_token', `The claim ${missing[0]} of the token is not the one required.`)
}

/** The tenant of an issuer that may name no other, for tokens that name none. */
function onlyTenantOf({ tenants }: IssuerSettings): string | undefined {
  return tenants !== '*' && tenants.length === 1 ? tenants[0] : undefined
}

function rolesIn(payload: JWTPayload, { claims, rolesFromText = false }: IssuerSettings): unknown {
  const value = claimAt(payload, claims.roles)
  return rolesFromText && typeof value === 'string' ? [value] : value
}

/** A claim that is there but is no name does not fall through to the next: the issuer meant something else. */
function agentOf(payload: JWTPayload, claim: string): string | undefined {
  const from = agentClaimOf(payload, claim)
  return from === undefined ? undefined : name.safeParse(claimAt(payload, from)).data
}

/** The claim from which the agent is read: the first of the issuer's own, `client_id` and `azp` that exists. */
export function agentClaimOf(payload: JsonObject, claim: string): string | undefined {
  return [claim, 'client_id', 'azp'].find((candidate) => (claimAt(payload, candidate) ?? null) !== null)
}

/** The claim of that very name, which may contain dots; else the one that the dotted path leads to. */
export function claimAt(payload: JsonObject, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim]
  let value: unknown = payload
  for (const key of claim.split('.')) {
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

function frozenSet(items: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(items)])
}
