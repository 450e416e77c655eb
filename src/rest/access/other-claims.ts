import type { RuleCheck } from '../../domain/access/explanation.ts'
import { claimsThatHave } from '../../identity/claims/claim-origins.ts'
import type { Asker } from './asker.ts'
import type { Obstacle } from './obstacles.ts'

/** Where it stands which claim roles are read from, for the tokens of an issuer: a document or `settings`, and the field. */
export type ClaimPlaces = (issuer: string) => { readonly document: string; readonly field: string }

/** Roles that a caller lacks and has in a claim that is not read. */
export function otherClaims(
  placeOf: ClaimPlaces,
  { about, origins }: Asker,
  checks: readonly RuleCheck[],
): Obstacle[] {
  if (origins === undefined) return []
  const lacking = checks.filter(({ isMet, ruleId }) => !isMet && ruleId.endsWith('-roles'))
  const wanted = lacking.flatMap(({ value }) => rolesIn(value)).filter((role) => !about.roles.includes(role))
  const { document, field } = placeOf(about.issuer)
  return claimsThatHave([...new Set(wanted)], origins).map(({ claim, values }) => ({
    kind: 'role-in-other-claim',
    isBlocking: false,
    document,
    field,
    value: origins.roles,
    text: `The token has ${values.join(', ')} in the claim ${claim}; roles are read from ${origins.roles} (${document}, ${field}).`,
    remedies: [
      `Set ${field} to ${JSON.stringify(claim)} in ${document}.`,
      `Have the issuer write ${values.join(', ')} into the claim ${origins.roles}.`,
    ],
  }))
}

function rolesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String)
  return typeof value === 'object' && value !== null && 'allOf' in value ? rolesIn(value.allOf) : []
}
