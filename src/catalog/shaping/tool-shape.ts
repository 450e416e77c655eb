import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { settledNames } from '../../domain/settled-names.ts'
import { exposedName } from '../../domain/tool-name.ts'
import { modelText } from '../../domain/text/model-text.ts'
import { visible } from '../../domain/text/visible.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'
import { type MergedOverride, mergedOverride } from './merged-override.ts'
import { withModelTexts } from './model-texts.ts'
import { type ArgumentChanges, shapedSchema } from './shaped-schema.ts'

/** Longer names, and hidden characters in them, are for no client. */
const MAX_NAME = 256

/** How the calls of a tool are changed between callers and the server. */
export interface ToolShape {
  /** The server's own names of arguments, by the callers' names, where they differ. */
  readonly ownNames: ReadonlyMap<string, string>
  /** Argument names that callers must not send. */
  readonly closed: ReadonlySet<string>
  /** By the server's own names, like `fixed`. */
  readonly defaults: ReadonlyMap<string, unknown>
  readonly fixed: ReadonlyMap<string, unknown>
  /** Limit of a result as JSON. */
  readonly maxResultBytes: number | undefined
}

/** A tool as its server defines it, and as callers get it. */
export interface ShapedTool {
  /** The definition that the server gave. */
  readonly own: NamedItem
  /** The name that callers know, after the server's. */
  readonly name: string
  /** The definition for callers, without its name. */
  readonly listed: JsonObject
  /** Undefined if calls pass unchanged. */
  readonly shape: ToolShape | undefined
}

/** Applies the operator's changes to the tools of a server, and reports those that are impossible. */
export function shapeTools(
  definition: ServerDefinition,
  offered: readonly NamedItem[],
): { readonly tools: readonly ShapedTool[]; readonly problems: readonly string[] } {
  const problems: string[] = []
  const wanted = new Map<string, string>()
  const shaped = offered.map((own): ShapedTool => {
    const override = mergedOverride(definition, own.name)
    const name = override?.name ?? modelText(own.name, MAX_NAME)
    if (name !== own.name && name !== '') wanted.set(own.name, name)
    const given = withModelTexts(own)
    if (given !== own)
      problems.push(
        `tool ${visible(own.name)}: its texts are longer than clients should get, or have hidden characters`,
      )
    if (override === undefined) return { own, name: own.name, listed: given, shape: undefined }
    const report = (problem: string): number => problems.push(`tool ${own.name}: ${problem}`)
    return { ...shapedTool(given, override, report), own }
  })
  const { names, refused } = settledNames(
    offered.map(({ name }) => name),
    wanted,
    (name) => exposedName(definition.name, name),
  )
  for (const { own, name, holder } of refused)
    problems.push(`tool ${own}: the name ${name} is already taken by ${holder}`)
  return {
    tools: names.size === 0 ? shaped : shaped.map((tool) => renamed(tool, names.get(tool.own.name))),
    problems,
  }
}

function renamed(tool: ShapedTool, name: string | undefined): ShapedTool {
  return name === undefined ? tool : { ...tool, name }
}

function shapedTool(
  own: NamedItem,
  override: MergedOverride,
  report: (problem: string) => void,
): Omit<ShapedTool, 'own'> {
  const { inputSchema: schema } = own
  const { title, description } = override
  const changes = changesOf(isJsonObject(schema) ? schema : {}, override, report)
  const inputSchema = changesAny(changes) && isJsonObject(schema) ? shapedSchema(schema, changes) : undefined
  // A preview has no structured content, and clients would miss it.
  const { outputSchema, ...rest } = own
  const given = override.hasPreviews && outputSchema !== undefined ? { ...rest, name: own.name } : own
  const isAsGiven = title === undefined && description === undefined && inputSchema === undefined
  const listed = {
    ...given,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(inputSchema !== undefined && { inputSchema }),
  }
  return { name: own.name, listed: isAsGiven ? given : listed, shape: shapeOf(changes, override) }
}

/**
 * The configured changes that are possible for this tool. A fixed argument stays fixed, even if other changes name it.
 */
function changesOf(
  schema: JsonObject,
  override: MergedOverride,
  report: (problem: string) => void,
): ArgumentChanges {
  const { properties } = schema
  const all = isJsonObject(properties) ? Object.keys(properties) : []
  const known = new Set(all)
  const isOpen = (own: string): boolean => known.has(own) && !override.fixed.has(own)
  const { names, refused } = settledNames(
    all.filter(isOpen),
    new Map([...override.names].filter(([own, name]) => isOpen(own) && own !== name)),
  )
  for (const { own, name, holder } of refused)
    report(`its argument ${own}: the name ${name} is already taken by ${holder}`)
  for (const { field, own } of override.exactly)
    if (!known.has(own)) report(`its inputSchema has no argument ${own}, which is named in ${field}`)
  const takes = (own: string): boolean => known.has(own) || !isClosed(schema)
  return {
    names,
    fixed: new Map([...override.fixed].filter(([own]) => takes(own))),
    defaults: new Map([...override.defaults].filter(([own]) => isOpen(own))),
  }
}

/** Whether only the arguments that the schema names are valid. */
function isClosed({ additionalProperties, patternProperties }: JsonObject): boolean {
  return additionalProperties === false && patternProperties === undefined
}

function changesAny({ names, fixed, defaults }: ArgumentChanges): boolean {
  return names.size + fixed.size + defaults.size > 0
}

function shapeOf(changes: ArgumentChanges, override: MergedOverride): ToolShape | undefined {
  const { names, fixed, defaults } = changes
  const { maxResultBytes } = override
  if (maxResultBytes === undefined && !changesAny(changes) && override.fixed.size === 0) return undefined
  const ownNames = new Map([...names].map(([own, name]) => [name, own]))
  const closed = [...override.fixed.keys(), ...names.keys()].filter((name) => !ownNames.has(name))
  return { ownNames, closed: new Set(closed), defaults, fixed, maxResultBytes }
}
