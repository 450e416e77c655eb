import { decodeJwt } from 'jose'
import type { IssuerSettings } from '../../config/issuers.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { agentClaimOf, claimAt } from './claims.ts'

/** A claim that holds names and is not read. */
interface UnreadClaim {
  /** Its path, `realm_access.roles` for example. */
  readonly claim: string
  readonly values: readonly string[]
}

/** From which claims of a token the parts of its principal are read. */
export interface ClaimOrigins {
  readonly tenantId: string
  readonly roles: string
  readonly scopes: string
  readonly agents: string
  /** Undefined if the token names no agent. */
  readonly agent: string | undefined
  readonly unread: readonly UnreadClaim[]
  /** What is wrong with a claim that is read, as sentences. */
  readonly problems: readonly string[]
}

/** Claims that say something else (RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2). */
const OF_THE_TOKEN = new Set(['aud', 'amr', 'iss', 'sub', 'jti', 'client_id', 'azp', 'scp_ids'])
const MAX_DEPTH = 4
const MAX_UNREAD = 20
const MAX_VALUES = 50

/** Where the parts of a principal come from in the claims of a token. */
export function claimOrigins(
  payload: JsonObject,
  { claims, rolesFromText }: Pick<IssuerSettings, 'claims' | 'rolesFromText'>,
): ClaimOrigins {
  const { tenant, roles, scope, agents, agent } = claims
  const read = new Set([tenant, roles, scope, agents, agent])
  return {
    tenantId: tenant,
    roles,
    scopes: scope,
    agents,
    agent: agentClaimOf(payload, agent),
    unread: [...listsIn(payload, '', 1)].filter(({ claim }) => !read.has(claim)).slice(0, MAX_UNREAD),
    problems: problemsOf(payload, roles, rolesFromText === true),
  }
}

/** The claims of a token, unchecked; undefined for a text that is not a JWT. */
export function claimsIn(token: string): JsonObject | undefined {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

/** Where else in a token some of the names stand, by the claim that has them. */
export function claimsThatHave(
  names: readonly string[],
  { unread }: Pick<ClaimOrigins, 'unread'>,
): { readonly claim: string; readonly values: readonly string[] }[] {
  return unread
    .map(({ claim, values }) => ({ claim, values: values.filter((value) => names.includes(value)) }))
    .filter(({ values }) => values.length > 0)
}

function problemsOf(payload: JsonObject, claim: string, takesText: boolean): string[] {
  const value = claimAt(payload, claim)
  if (value === undefined) return [`The token has no claim ${claim}, from which roles are read.`]
  if (takesText && typeof value === 'string') return []
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string')
  return isList ? [] : [`The claim ${claim} is not a list of texts, so it grants no role.`]
}

function* listsIn(value: JsonObject, path: string, depth: number): Generator<UnreadClaim> {
  for (const [key, member] of Object.entries(value)) {
    if (depth === 1 && OF_THE_TOKEN.has(key)) continue
    const claim = `${path}${key}`
    if (Array.isArray(member)) {
      const values = member.filter((item) => typeof item === 'string').slice(0, MAX_VALUES)
      if (values.length > 0) yield { claim, values }
    } else if (isJsonObject(member) && depth < MAX_DEPTH) {
      yield* listsIn(member, `${claim}.`, depth + 1)
    }
  }
}
