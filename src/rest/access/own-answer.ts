import { decide, scopesToStepUp } from '../../domain/access-policy.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ExplanationAnswer } from './answer.ts'
import type { Asker } from './asker.ts'
import type { Obstacle } from './obstacles.ts'
import { shownPrincipal, shownTarget, suggestions } from './shown.ts'
import type { Asked, FoundTarget } from './target.ts'
import type { Sources } from './whole-answer.ts'

const NOWHERE = { document: null, field: null, value: null } as const

/**
 * What callers may know of themselves: what a call would tell them. What is denied and what does not exist give the same
 * answer.
 */
export function ownAnswer(
  sources: Sources,
  asker: Asker,
  { asked, found }: { asked: Asked; found: FoundTarget },
): ExplanationAnswer {
  const { about } = asker
  if (isUsableBy(sources, about, found)) return allowed(sources, asker, { asked, found })
  const scopes = missingScopes(sources, about, found)
  const text =
    scopes === undefined
      ? `No ${asked.kind} of this name exists, or you may not use it.`
      : `The token needs the scopes ${scopes.join(', ')}.`
  return {
    effect: 'deny',
    ruleId: scopes === undefined ? 'unknown-target' : 'tool-scopes',
    callable: false,
    principal: shownPrincipal(about),
    target: { kind: asked.kind, name: asked.name },
    reason: { ...NOWHERE, given: null, text },
    remedies:
      scopes === undefined ? remediesFor(asker) : [`Get a token with the scopes ${scopes.join(', ')}.`],
    checks: [],
    whoCan: null,
    obstacles: [],
    suggestions: scopes === undefined ? suggestions(sources.catalog, about, asked) : [],
  }
}

/** A caller that lacks nothing but scopes is told of them by calls, too. */
function missingScopes(
  { catalog }: Sources,
  about: Principal,
  { isOffered, target }: FoundTarget,
): readonly string[] | undefined {
  return isOffered === true ? scopesToStepUp(about, 'call', target, catalog.snapshot) : undefined
}

function allowed(
  { obstacles }: Sources,
  { about, self }: Asker,
  { asked, found }: { asked: Asked; found: FoundTarget },
): ExplanationAnswer {
  const blocking = obstacles
    .flatMap((source) => source(about, found, self))
    .filter(({ isBlocking }) => isBlocking)
  return {
    effect: 'allow',
    ruleId: 'allow',
    callable: blocking.length === 0,
    principal: shownPrincipal(about),
    target: shownTarget(asked, found),
    reason: { ...NOWHERE, given: null, text: 'Every rule is met.' },
    remedies: [],
    checks: [],
    whoCan: null,
    obstacles: blocking.map(withoutPlace),
    suggestions: [],
  }
}

/** As calls decide: of a server whose offer is not known yet, only whether the server may be used is said. */
function isUsableBy({ catalog }: Sources, about: Principal, found: FoundTarget): boolean {
  const { server, target, isOffered } = found
  if (server === undefined || isOffered === false) return false
  const asked = isOffered === undefined ? ({ server: serverKey(server), kind: 'server' } as const) : target
  return decide(about, 'call', asked, catalog.snapshot).effect === 'allow'
}

function remediesFor({ origins }: Asker): string[] {
  return [
    'Ask an operator of your tenant, who can see the rule: tg access explain',
    ...(origins?.unread ?? []).map(
      ({ claim, values }) =>
        `Your token has ${claim}: ${values.join(', ')}, which the gateway does not read.`,
    ),
  ]
}

function withoutPlace({
  kind,
  isBlocking,
  text,
  retryAfterMs,
}: Obstacle): ExplanationAnswer['obstacles'][number] {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  return { kind, isBlocking, ...NOWHERE, text, remedies: [], ...wait }
}
