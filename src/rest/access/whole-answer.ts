import type { Catalog } from '../../catalog/catalog.ts'
import { type AccessConditions, conditionsOf, conditionsText } from '../../domain/access/conditions.ts'
import { explain, type RuleCheck } from '../../domain/access/explanation.ts'
import { remediesOf, sentenceOf } from '../../domain/access/remedies.ts'
import type { ExplanationAnswer } from './answer.ts'
import type { Asker } from './asker.ts'
import type { Obstacle, ObstacleSource } from './obstacles.ts'
import { type ClaimPlaces, otherClaims } from './other-claims.ts'
import { shownPrincipal, shownTarget, suggestions } from './shown.ts'
import type { Asked, FoundTarget } from './target.ts'

/** What explanations are made from. */
export interface Sources {
  readonly catalog: Catalog
  readonly obstacles: readonly ObstacleSource[]
  readonly claimPlaces: ClaimPlaces
}

/** Everything that is known about a question: the answer for operators. */
export function wholeAnswer(
  sources: Sources,
  asker: Asker,
  { asked, found }: { asked: Asked; found: FoundTarget },
): ExplanationAnswer {
  const { about } = asker
  const { target, server, isOffered } = found
  const { effect, ruleId, decidedBy, checks } = explain(about, 'call', target, sources.catalog.snapshot)
  const obstacles = [
    ...sources.obstacles.flatMap((source) => source(about, found, asker.self)),
    ...otherClaims(sources.claimPlaces, asker, checks),
  ]
  const isKnown = server !== undefined && isOffered !== false
  return {
    effect,
    ruleId,
    callable: effect === 'allow' && !obstacles.some(({ isBlocking }) => isBlocking),
    principal: shownPrincipal(about),
    target: shownTarget(asked, found),
    reason: shownReason(decidedBy),
    remedies: checks.filter(({ isMet }) => !isMet).flatMap(remediesOf),
    checks: checks.map(withNulls),
    whoCan: server === undefined ? null : whoCan(conditionsOf(server, toolIn(found))),
    obstacles: obstacles.map(shownObstacle),
    suggestions: isKnown ? [] : suggestions(sources.catalog, about, asked),
  }
}

function shownReason(check: RuleCheck | undefined): ExplanationAnswer['reason'] {
  if (check === undefined)
    return { document: null, field: null, value: null, given: null, text: 'Every rule is met.' }
  const { document, field, value, given } = withNulls(check)
  return { document, field, value, given, text: sentenceOf(check) }
}

function withNulls({ value, given, ...check }: RuleCheck): ExplanationAnswer['checks'][number] {
  return { ...check, value: value ?? null, given: given ?? null }
}

function whoCan(conditions: AccessConditions): ExplanationAnswer['whoCan'] {
  const { roles, agents, scopes } = conditions
  return {
    ...conditions,
    roles: [...roles],
    agents: agents === undefined ? null : [...agents],
    scopes: [...scopes],
    text: conditionsText(conditions),
  }
}

function shownObstacle({ value, remedies, ...obstacle }: Obstacle): ExplanationAnswer['obstacles'][number] {
  return { ...obstacle, value: value ?? null, remedies: [...remedies] }
}

function toolIn({ target }: FoundTarget): string | undefined {
  return target.kind === 'tool' ? target.name : undefined
}
