import { matcherOf } from '../text/pattern.ts'
import type { ResultPreview } from './result-rules.ts'
import type { ServerDefinition } from './server-definition.ts'
import type { ToolEntries, ToolOverride } from './tool-entries.ts'

/** What an operator sets for one target of a server: the server's own fields, and the entries under `tools`. */
export interface ToolPolicy {
  /** Whether `include` and `exclude` leave the tool in. */
  readonly isSelected: boolean
  /** The entries that match the tool, the one with its exact name last; a caller must meet the conditions of each. */
  readonly overrides: readonly ToolOverride[]
  /** The entry with exactly the tool's name. */
  readonly exact: ToolOverride | undefined
  /** Milliseconds; undefined where neither tool nor server says so. */
  readonly timeoutMs: number | undefined
  readonly maxTotalMs: number | undefined
  readonly cacheTtlMs: number | undefined
  readonly idempotent: boolean | undefined
  readonly approval: ToolOverride['approval']
  readonly preview: ResultPreview | undefined
  readonly untrusted: boolean
  readonly redact: ToolOverride['redact']
  /** Arguments that are prompts, by the names that callers know. */
  readonly enhance: readonly string[]
}

/** Of one server; more than it may list. Names that no server lists are asked for, too. */
const MAX_REMEMBERED = 20_000

/** Definitions never change once made, so that what they say of a tool is computed once for each. */
const compiled = new WeakMap<ServerDefinition, CompiledPolicies>()

/**
 * What an operator sets for a tool, by the server's own name of it, or for the other targets of the server. Where
 * several entries set the same, the one with the exact name takes precedence, then the last.
 */
export function toolPolicy(server: ServerDefinition, tool: string | undefined): ToolPolicy {
  let policies = compiled.get(server)
  if (policies === undefined) compiled.set(server, (policies = new CompiledPolicies(server)))
  return tool === undefined ? policies.ofServer : policies.of(tool)
}

class CompiledPolicies {
  readonly ofServer: ToolPolicy
  readonly #server: ServerDefinition
  readonly #include: Selection | undefined
  readonly #exclude: Selection | undefined
  readonly #exact = new Map<string, ToolOverride>()
  readonly #patterns: { readonly isMatch: (tool: string) => boolean; readonly override: ToolOverride }[] = []
  readonly #remembered = new Map<string, ToolPolicy>()

  constructor(server: ServerDefinition) {
    const { tools = {} } = server
    this.#server = server
    for (const [key, entry] of Object.entries(tools)) {
      if (Array.isArray(entry)) continue
      if (key.includes('*')) this.#patterns.push({ isMatch: matcherOf(key), override: entry })
      else this.#exact.set(key, entry)
    }
    this.#include = selectionOf(tools['include'])
    this.#exclude = selectionOf(tools['exclude'])
    this.ofServer = policyOf(server, { isSelected: true, overrides: [], exact: undefined })
  }

  of(tool: string): ToolPolicy {
    if (this.#server.tools === undefined) return this.ofServer
    const known = this.#remembered.get(tool)
    if (known !== undefined) return known
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    const exact = this.#exact.get(tool)
    const matching = this.#patterns.filter(({ isMatch }) => isMatch(tool)).map(({ override }) => override)
    const policy = policyOf(this.#server, {
      isSelected: this.#exclude?.(tool) !== true && this.#include?.(tool) !== false,
      overrides: exact === undefined ? matching : [...matching, exact],
      exact,
    })
    this.#remembered.set(tool, policy)
    return policy
  }
}

function policyOf(
  { timeoutMs, maxTotalMs }: ServerDefinition,
  entries: Pick<ToolPolicy, 'isSelected' | 'overrides' | 'exact'>,
): ToolPolicy {
  const { overrides } = entries
  return {
    ...entries,
    timeoutMs: lastOf(overrides, 'timeoutMs') ?? timeoutMs,
    maxTotalMs: lastOf(overrides, 'maxTotalMs') ?? maxTotalMs,
    cacheTtlMs: lastOf(overrides, 'cacheTtlMs'),
    idempotent: lastOf(overrides, 'idempotent'),
    approval: lastOf(overrides, 'approval'),
    preview: lastOf(overrides, 'preview'),
    redact: lastOf(overrides, 'redact'),
    untrusted: lastOf(overrides, 'untrusted') === true,
    enhance: lastOf(overrides, 'enhance') ?? [],
  }
}

/** What the last of the entries that set a field sets it to. */
export function lastOf<K extends keyof ToolOverride>(
  overrides: readonly ToolOverride[],
  field: K,
): ToolOverride[K] {
  return overrides.findLast((override) => override[field] !== undefined)?.[field]
}

type Selection = (tool: string) => boolean

function selectionOf(list: ToolEntries[string] | undefined): Selection | undefined {
  if (!Array.isArray(list)) return undefined
  const exact = new Set(list.filter((pattern) => !pattern.includes('*')))
  const patterns = list.filter((pattern) => pattern.includes('*')).map(matcherOf)
  return (tool) => exact.has(tool) || patterns.some((isMatch) => isMatch(tool))
}
