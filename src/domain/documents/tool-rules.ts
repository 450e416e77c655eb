import type { ServerDefinition } from './server-definition.ts'
import type { ToolEntries, ToolOverride } from './tool-entries.ts'

/** What the entries under `tools` say of one tool. */
export interface ToolRules {
  /** Whether `include` and `exclude` leave it in. */
  readonly isSelected: boolean
  /** The entries that match it, the one with its exact name last. */
  readonly overrides: readonly ToolOverride[]
}

const NO_RULES: ToolRules = { isSelected: true, overrides: [] }
/** Of one document; more than a server may list. Names that no server lists are asked for, too. */
const MAX_REMEMBERED = 20_000

/** Definitions never change once made, so what their entries come to is found once for each document and tool. */
const compiled = new WeakMap<ToolEntries, CompiledEntries>()

/** What a server's document says of one of its tools, by the server's own name; cheap when asked again. */
export function rulesOf({ tools }: Pick<ServerDefinition, 'tools'>, tool: string): ToolRules {
  if (tools === undefined) return NO_RULES
  let entries = compiled.get(tools)
  if (entries === undefined) compiled.set(tools, (entries = new CompiledEntries(tools)))
  return entries.rulesOf(tool)
}

/** The entries under `tools` that match a tool, the one with its exact name last. */
export function overridesOf(server: Pick<ServerDefinition, 'tools'>, tool: string): readonly ToolOverride[] {
  return rulesOf(server, tool).overrides
}

/** Whether `text` matches a pattern in which `*` stands for any characters; linear in the text, no regex. */
export function matches(pattern: string, text: string): boolean {
  return matcherOf(pattern)(text)
}

class CompiledEntries {
  readonly #include: Selection | undefined
  readonly #exclude: Selection | undefined
  readonly #exact = new Map<string, ToolOverride>()
  readonly #patterns: { readonly isMatch: (tool: string) => boolean; readonly override: ToolOverride }[] = []
  readonly #remembered = new Map<string, ToolRules>()

  constructor(tools: ToolEntries) {
    for (const [key, entry] of Object.entries(tools)) {
      if (Array.isArray(entry)) continue
      if (key.includes('*')) this.#patterns.push({ isMatch: matcherOf(key), override: entry })
      else this.#exact.set(key, entry)
    }
    this.#include = selectionOf(tools['include'])
    this.#exclude = selectionOf(tools['exclude'])
  }

  rulesOf(tool: string): ToolRules {
    const known = this.#remembered.get(tool)
    if (known !== undefined) return known
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    const rules = { isSelected: this.#isSelected(tool), overrides: this.#overridesOf(tool) }
    this.#remembered.set(tool, rules)
    return rules
  }

  #isSelected(tool: string): boolean {
    return this.#exclude?.(tool) !== true && this.#include?.(tool) !== false
  }

  #overridesOf(tool: string): ToolOverride[] {
    const matching = this.#patterns.filter(({ isMatch }) => isMatch(tool)).map(({ override }) => override)
    const exact = this.#exact.get(tool)
    return exact === undefined ? matching : [...matching, exact]
  }
}

type Selection = (tool: string) => boolean

function selectionOf(list: ToolEntries[string] | undefined): Selection | undefined {
  if (!Array.isArray(list)) return undefined
  const exact = new Set(list.filter((pattern) => !pattern.includes('*')))
  const patterns = list.filter((pattern) => pattern.includes('*')).map(matcherOf)
  return (tool) => exact.has(tool) || patterns.some((isMatch) => isMatch(tool))
}

function matcherOf(pattern: string): (text: string) => boolean {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return (text) => pattern === text
  const tail = rest.pop() ?? ''
  return (text) => {
    if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail))
      return false
    let position = head.length
    const end = text.length - tail.length
    for (const part of rest) {
      const found = text.indexOf(part, position)
      if (found === -1 || found + part.length > end) return false
      position = found + part.length
    }
    return true
  }
}
