import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { modelText } from '../../domain/text/model-text.ts'

/** Longest text for each member that models read; descriptions that work have a few thousand characters at most. */
const TEXTS: ReadonlyMap<string, number> = new Map([
  ['title', 512],
  ['description', 16_384],
])
/** Members whose values mean something to the server, regardless of the names inside. */
const VALUES: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples', 'icons', '_meta'])
const MAX_INSTRUCTIONS = 65_536

/**
 * The definition of a tool, prompt, resource or template whose titles and descriptions are texts for models: those of
 * its arguments, too. The same object if nothing changes.
 */
export function withModelTexts<T extends JsonObject>(definition: T): T {
  let changed: T | undefined
  for (const [name, value] of Object.entries(definition)) {
    const clean = cleaned(name, value)
    if (clean !== value) changed = { ...(changed ?? definition), [name]: clean }
  }
  return changed ?? definition
}

/** The instructions of a server, for models. */
export function modelInstructions(text: string): string {
  return modelText(text, MAX_INSTRUCTIONS)
}

function cleaned(name: string, value: unknown): unknown {
  if (typeof value === 'string') {
    const max = TEXTS.get(name)
    return max === undefined ? value : modelText(value, max)
  }
  if (VALUES.has(name)) return value
  if (Array.isArray(value)) {
    const members = value as readonly unknown[]
    const clean = members.map((member) => (isJsonObject(member) ? withModelTexts(member) : member))
    return clean.every((member, at) => member === members[at]) ? value : clean
  }
  return isJsonObject(value) ? withModelTexts(value) : value
}
