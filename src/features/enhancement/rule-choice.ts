import { matches } from '../../domain/text/pattern.ts'
import { type EnhancementRule, rulesFor } from '../../domain/documents/enhancement-rule.ts'

/**
 * The rule for a client of a tenant: one that names the client, else the longest pattern that fits it, else the
 * default; the tenant's own before those for all.
 */
export function ruleFor(
  rules: Iterable<EnhancementRule>,
  tenantId: string,
  client: string | undefined,
): EnhancementRule | undefined {
  const name = client?.trim().toLowerCase() ?? ''
  return rulesFor(rules, tenantId)
    .map((rule) => ({ rule, fit: fitOf(rule, name) + (rule.tenantId === tenantId ? OWN : 0) }))
    .filter(({ rule }) => fitOf(rule, name) > 0)
    .toSorted((a, b) => b.fit - a.fit || (a.rule.name < b.rule.name ? -1 : 1))[0]?.rule
}

const DEFAULT = 1
const EXACT = 1000
const OWN = 10_000

/** How well a rule fits a client; 0 where it does not. */
function fitOf({ clients }: EnhancementRule, name: string): number {
  if (clients === undefined) return DEFAULT
  const fits = clients
    .map((pattern) => pattern.toLowerCase())
    .filter((pattern) => name !== '' && matches(pattern, name))
    .map((pattern) => (pattern.includes('*') ? DEFAULT + pattern.length : EXACT))
  return Math.max(0, ...fits)
}
