import type { JsonObject } from '../domain/json/json.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/documents/server-definition.ts'
import { exposeAll } from '../domain/tool-name.ts'
import { compileUriTemplate } from '../domain/text/uri-template.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import type { ListName, NamedItem } from '../upstream/discovery/listing.ts'
import { modelInstructions, withModelTexts } from './shaping/model-texts.ts'
import { type ShapedTool, shapeTools } from './shaping/tool-shape.ts'
import { unmatchedEntries } from './shaping/unmatched-entries.ts'
import { uiResourcesOf } from './ui-tools.ts'

/**
 * One tool, prompt, resource or template, as callers see it. Equal items of successive catalogs are the same object.
 */
export interface CatalogItem {
  readonly server: ServerKey
  readonly serverName: string
  /** The server's own name: of a tool or prompt its name, of a resource its URI, of a template its URI template. */
  readonly name: string
  /** The name under which the caller addresses it. */
  readonly shownAs: string
  /** The definition for callers. */
  readonly listed: JsonObject
}

/** Named items in order and by the name that callers use. */
interface ItemSet {
  readonly items: readonly CatalogItem[]
  readonly byName: ReadonlyMap<string, CatalogItem>
}

interface TemplateItem extends CatalogItem {
  readonly matches: (uri: string) => boolean
}

/**
 * The offer of one server, prepared once for all callers: under exposed names, and under names without the server's
 * prefix.
 */
export interface ServerCatalog {
  readonly definition: ServerDefinition
  readonly offer: Offer
  readonly tools: { readonly exposed: ItemSet; readonly plain: ItemSet }
  readonly toolsByOwnName: ReadonlyMap<string, ShapedTool>
  readonly prompts: { readonly exposed: ItemSet; readonly plain: ItemSet }
  readonly resources: ItemSet
  readonly templates: readonly TemplateItem[]
  /** The server's own, for models. */
  readonly instructions: string | undefined
  /** The `ui://` resources that tools name, with the server's own names of these tools. */
  readonly uiResources: ReadonlyMap<string, readonly string[]>
  /** Items that cannot be offered, with the reasons. */
  readonly problems: readonly string[]
}

/** Prepares the offer of a server; unchanged items stay the same objects as in `previous`. */
export function buildServerCatalog(
  definition: ServerDefinition,
  offer: Offer,
  previous: ServerCatalog | undefined,
): ServerCatalog {
  const shaped = shapeTools(definition, offer.tools)
  const tools = bothNames(definition, shaped.tools, previous?.tools)
  const prompts = bothNames(
    definition,
    offer.prompts.map((own) => ({ own, name: own.name, listed: withModelTexts(own) })),
    previous?.prompts,
  )
  const resources = itemSet(
    offer.resources.map((resource) =>
      itemOf(definition, String(resource['uri']), String(resource['uri']), withModelTexts(resource)),
    ),
    previous?.resources,
  )
  const earlier = new Map(previous?.templates.map((item) => [item.name, item]))
  const templates = offer.resourceTemplates.map(withModelTexts).map((template): TemplateItem => {
    const text = String(template['uriTemplate'])
    const before = earlier.get(text)
    if (before !== undefined && isSame(before.listed, template)) return before
    return { ...itemOf(definition, text, text, template), matches: compileUriTemplate(text) }
  })
  return {
    definition,
    offer,
    tools: tools.sets,
    toolsByOwnName: new Map(shaped.tools.map((tool) => [tool.own.name, tool])),
    prompts: prompts.sets,
    resources,
    templates,
    instructions: offer.instructions === undefined ? undefined : modelInstructions(offer.instructions),
    uiResources: uiResources(offer.tools),
    problems: [
      ...offer.problems,
      ...unmatchedEntries(
        definition,
        offer.tools.map(({ name }) => name),
      ),
      ...shaped.problems,
      ...tools.refused,
      ...prompts.refused,
    ],
  }
}

/** Whether a server offers an item of a list only to clients that accept its requests. */
export function isForAskable({ offer }: ServerCatalog, list: ListName, name: string): boolean {
  return offer.needsClient[list].has(name)
}

/**
 * Like `isForAskable`, for the target of a server's own URI: a resource, a template's text, or a match of a template.
 */
export function isUriForAskable(catalog: ServerCatalog, uri: string): boolean {
  if (catalog.resources.byName.has(uri)) return isForAskable(catalog, 'resources', uri)
  const matching = catalog.templates.filter(({ name, matches }) => name === uri || matches(uri))
  return matching.length > 0 && matching.every(({ name }) => isForAskable(catalog, 'resourceTemplates', name))
}

function uiResources(tools: readonly NamedItem[]): Map<string, string[]> {
  const named = new Map<string, string[]>()
  for (const tool of tools) {
    for (const uri of uiResourcesOf(tool)) {
      const names = named.get(uri) ?? []
      names.push(tool.name)
      named.set(uri, names)
    }
  }
  return named
}

type BothNames = { readonly exposed: ItemSet; readonly plain: ItemSet }

function bothNames(
  definition: ServerDefinition,
  offered: readonly Pick<ShapedTool, 'own' | 'name' | 'listed'>[],
  previous: BothNames | undefined,
): { sets: BothNames; refused: string[] } {
  const { exposed, refused } = exposeAll(definition.name, offered)
  const underExposed = [...exposed].map(([name, { own, listed }]) =>
    itemOf(definition, own.name, name, { ...listed, name }),
  )
  const plain = offered.map(({ own, name, listed }) =>
    itemOf(definition, own.name, name, name === own.name ? listed : { ...listed, name }),
  )
  return {
    sets: {
      exposed: itemSet(underExposed, previous?.exposed),
      plain: itemSet(plain, previous?.plain),
    },
    refused: refused.map(({ name, reason }) => `${name}: ${reason}`),
  }
}

function itemOf(
  definition: ServerDefinition,
  name: string,
  shownAs: string,
  listed: JsonObject,
): CatalogItem {
  return { server: serverKey(definition), serverName: definition.name, name, shownAs, listed }
}

function itemSet(items: CatalogItem[], previous: ItemSet | undefined): ItemSet {
  const kept = items.map((item) => {
    const before = previous?.byName.get(item.shownAs)
    return before?.name === item.name && isSame(before.listed, item.listed) ? before : item
  })
  const sorted = kept.toSorted((a, b) => (a.shownAs < b.shownAs ? -1 : 1))
  return { items: sorted, byName: new Map(sorted.map((item) => [item.shownAs, item])) }
}

function isSame(a: JsonObject, b: JsonObject): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
