import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { matcherOf } from '../../domain/text/pattern.ts'
import { visible } from '../../domain/text/visible.ts'

/** So many names are compared with patterns; what is behind that is not looked at. */
const MAX_LOOKS = 100_000
const MAX_SHOWN = 10

/**
 * What under `tools` is for none of the server's tools, each as a sentence for the operator: a name with a mistake hides
 * or protects nothing.
 * @param names the server's own names of its tools
 */
export function unmatchedEntries({ tools, transport }: ServerDefinition, names: readonly string[]): string[] {
  // Without a list nothing is known of them, and built-in servers have no entries.
  if (tools === undefined || names.length === 0 || transport === 'builtin') return []
  const known = new Set(names)
  let looks = 0
  const isUnmatched = (pattern: string): boolean => {
    if (!pattern.includes('*')) return !known.has(pattern)
    looks += names.length
    return looks <= MAX_LOOKS && !names.some(matcherOf(pattern))
  }
  const found = Object.entries(tools).flatMap(([key, entry]) => {
    if (!Array.isArray(entry)) return isUnmatched(key) ? [sentence('tools', key)] : []
    return entry.filter(isUnmatched).map((pattern) => sentence(`tools.${key}`, pattern))
  })
  if (found.length <= MAX_SHOWN) return found
  return [...found.slice(0, MAX_SHOWN), `tools: ${found.length - MAX_SHOWN} more entries match no tool`]
}

function sentence(where: string, pattern: string): string {
  return `${where}: no tool of the server matches ${visible(pattern)}`
}
