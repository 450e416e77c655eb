import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import type { ListName, NamedItem } from '../upstream/discovery/listing.ts'

const LISTS: readonly ListName[] = ['tools', 'resources', 'resourceTemplates', 'prompts']

/** An offer as text, the same for equal offers. */
export function textOf({ needsClient, problems: _problems, ...offer }: Offer): string {
  const needs = Object.fromEntries(LISTS.map((list) => [list, [...needsClient[list]].toSorted()]))
  return JSON.stringify({ ...offer, needsClient: needs })
}

/** The offer of such a text; undefined if it is none. */
export function offerIn(value: JsonObject): Offer | undefined {
  const { tools, resources, resourceTemplates, prompts, capabilities, instructions, needsClient, ttlMs } =
    value
  if (!isItems(tools) || !isItems(resources) || !isItems(resourceTemplates) || !isItems(prompts))
    return undefined
  if (!isJsonObject(capabilities) || !isJsonObject(needsClient)) return undefined
  const names = (list: ListName): ReadonlySet<string> => {
    const given = needsClient[list]
    return new Set(Array.isArray(given) ? given.filter((name) => typeof name === 'string') : [])
  }
  return {
    tools,
    resources,
    resourceTemplates,
    prompts,
    capabilities,
    ...(typeof instructions === 'string' && { instructions }),
    needsClient: {
      tools: names('tools'),
      prompts: names('prompts'),
      resources: names('resources'),
      resourceTemplates: names('resourceTemplates'),
    },
    ttlMs: isJsonObject(ttlMs) ? ttlMs : {},
    problems: [],
  }
}

function isItems(value: unknown): value is readonly NamedItem[] {
  return Array.isArray(value) && value.every((item) => isJsonObject(item) && typeof item['name'] === 'string')
}
