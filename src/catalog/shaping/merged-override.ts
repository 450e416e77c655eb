import { lastOf, toolPolicy } from '../../domain/documents/tool-policy.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { ToolOverride } from '../../domain/documents/tool-entries.ts'

/** The merged entries under `tools` that match a tool. Arguments have the server's own names here. */
export interface MergedOverride {
  readonly name: string | undefined
  readonly title: string | undefined
  readonly description: string | undefined
  readonly maxResultBytes: number | undefined
  /** Whether large results are given as previews. */
  readonly hasPreviews: boolean
  readonly fixed: ReadonlyMap<string, unknown>
  readonly defaults: ReadonlyMap<string, unknown>
  /** Names for callers; if two are equal, the first takes precedence. */
  readonly names: ReadonlyMap<string, string>
  /** The arguments that an entry names for exactly this tool, not for a pattern. */
  readonly exactly: readonly { readonly field: string; readonly own: string }[]
}

/**
 * Merges the entries that match a tool: where they differ, the one with its exact name wins, else the last; undefined
 * if none matches.
 */
export function mergedOverride(definition: ServerDefinition, tool: string): MergedOverride | undefined {
  const { overrides, exact } = toolPolicy(definition, tool)
  if (overrides.length === 0) return undefined
  return {
    name: exact?.name,
    title: lastOf(overrides, 'title'),
    description: lastOf(overrides, 'description'),
    maxResultBytes: lastOf(overrides, 'maxResultBytes'),
    hasPreviews: lastOf(overrides, 'preview') !== undefined,
    fixed: new Map(overrides.flatMap(({ fixed }) => Object.entries(fixed ?? {}))),
    defaults: new Map(overrides.flatMap(({ defaults }) => Object.entries(defaults ?? {}))),
    names: namesOf(overrides),
    exactly: exact === undefined ? [] : argumentsOf(exact),
  }
}

function namesOf(overrides: readonly ToolOverride[]): Map<string, string> {
  const names = new Map<string, string>()
  for (const { arguments: wanted = {} } of overrides.toReversed()) {
    for (const [name, own] of Object.entries(wanted)) if (!names.has(own)) names.set(own, name)
  }
  return names
}

function argumentsOf(override: ToolOverride): { field: string; own: string }[] {
  const { fixed = {}, defaults = {}, arguments: names = {} } = override
  return [
    ...Object.keys(fixed).map((own) => ({ field: 'fixed', own })),
    ...Object.keys(defaults).map((own) => ({ field: 'defaults', own })),
    ...Object.values(names).map((own) => ({ field: 'arguments', own })),
  ]
}
