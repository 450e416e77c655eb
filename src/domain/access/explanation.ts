import type { Action, Decision, Target } from '../access-policy.ts'
import type { Principal } from '../principal.ts'
import { type ServerDefinition, serverKey } from '../documents/server-definition.ts'
import type { ToolEntries, ToolOverride } from '../documents/tool-entries.ts'
import { toolPolicy } from '../documents/tool-policy.ts'
import { heldFrom } from '../held-tools.ts'
import type { Snapshot } from '../snapshot.ts'
import { matches } from '../text/pattern.ts'
import { type AccessRule, type RuleId, SERVER_RULES, TOOL_RULES } from './rules.ts'

/** One rule as it was asked of one caller. */
export interface RuleCheck {
  readonly ruleId: RuleId
  readonly isMet: boolean
  /** The document that states the rule, `servers/<tenant>/<name>`. */
  readonly document: string
  /** Where in the document, `tools.read_*.requiredRoles` for example. */
  readonly field: string
  /** What stands there; undefined where the document says nothing. */
  readonly value: unknown
  /** What the caller has that the rule is about; undefined where it is about no caller. */
  readonly given: unknown
}

/** A decision with every rule that it took into account, in the order in which they are asked. */
export interface Explanation extends Decision {
  readonly checks: readonly RuleCheck[]
  /** The rule that decided; undefined if every rule was met. */
  readonly decidedBy: RuleCheck | undefined
}

/**
 * Why `decide` answers as it does for the same arguments: made of the same rules, all of which are asked, so that those
 * behind the one that decided are known, too. The effect and the rule are always those of `decide`.
 */
export function explain(
  principal: Principal,
  _action: Action,
  target: Target,
  snapshot: Snapshot,
): Explanation {
  const server = snapshot.servers.get(target.server)
  const checks =
    server === undefined
      ? [unknownServer(target)]
      : [
          ...serverChecks(principal, server),
          ...toolChecks(principal, server, target),
          ...heldChecks(principal, server, target, snapshot),
        ]
  const decidedBy = checks.find(({ isMet }) => !isMet)
  return {
    effect: decidedBy === undefined ? 'allow' : 'deny',
    ruleId: decidedBy?.ruleId ?? 'allow',
    checks,
    decidedBy,
  }
}

/** The name of a server's document in explanations. */
export function documentOf(server: { readonly tenantId: string; readonly name: string }): string {
  return `servers/${serverKey(server)}`
}

function unknownServer({ server }: Target): RuleCheck {
  const document = `servers/${server}`
  return { ruleId: 'unknown-server', isMet: false, document, field: '', value: undefined, given: undefined }
}

function serverChecks(principal: Principal, server: ServerDefinition): RuleCheck[] {
  return SERVER_RULES.map((rule) =>
    checkOf(rule, principal, server, { document: documentOf(server), path: '' }),
  )
}

function toolChecks(principal: Principal, server: ServerDefinition, { kind, name }: Target): RuleCheck[] {
  if (kind !== 'tool' || name === undefined) return []
  const document = documentOf(server)
  const { isSelected, overrides } = toolPolicy(server, name)
  const entries = overrides.flatMap((override) => {
    const at = { document, path: `tools.${keyOf(override, server.tools)}.` }
    return TOOL_RULES.filter(({ field }) => override[field] !== undefined).map((rule) =>
      checkOf(rule, principal, override, at),
    )
  })
  return [...selectionChecks(server, name, isSelected), ...entries]
}

/** Only of a tool whose definition is held back from the tenant. */
function heldChecks(
  { tenantId }: Principal,
  server: ServerDefinition,
  target: Target,
  { held }: Snapshot,
): RuleCheck[] {
  const found = heldFrom(held, tenantId, target)
  if (found === undefined) return []
  const at = { document: documentOf(server), field: 'toolChanges' }
  return [{ ruleId: 'tool-held', isMet: false, ...at, value: found.hash, given: target.name }]
}

function checkOf<T>(
  { ruleId, field, about, isMet }: AccessRule<T>,
  principal: Principal,
  definition: T,
  { document, path }: { document: string; path: string },
): RuleCheck {
  return {
    ruleId,
    isMet: isMet(principal, definition),
    document,
    field: `${path}${field}`,
    value: definition[field],
    given: about === undefined ? undefined : principal[about],
  }
}

/** Only where the document selects tools: the list that leaves the tool out, or those that leave it in. */
function selectionChecks(
  { tools, ...server }: ServerDefinition,
  name: string,
  isSelected: boolean,
): RuleCheck[] {
  const exclude = listOf(tools, 'exclude')
  const include = listOf(tools, 'include')
  const excluding = isSelected ? [] : (exclude?.filter((pattern) => matches(pattern, name)) ?? [])
  const [field, value] =
    excluding.length > 0 || include === undefined
      ? (['tools.exclude', excluding.length > 0 ? excluding : exclude] as const)
      : (['tools.include', include] as const)
  if (value === undefined) return []
  const document = documentOf(server)
  return [{ ruleId: 'tool-selection', isMet: isSelected, document, field, value, given: name }]
}

function listOf(tools: ToolEntries | undefined, key: 'include' | 'exclude'): readonly string[] | undefined {
  const list = tools?.[key]
  return Array.isArray(list) ? list : undefined
}

/** Documents never change once made. */
const keys = new WeakMap<ToolEntries, ReadonlyMap<ToolEntries[string], string>>()

/** The entries of a policy are those of the document. */
function keyOf(override: ToolOverride, tools: ToolEntries = {}): string {
  let known = keys.get(tools)
  if (known === undefined) {
    known = new Map(Object.entries(tools).map(([key, entry]) => [entry, key]))
    keys.set(tools, known)
  }
  return known.get(override) ?? ''
}
