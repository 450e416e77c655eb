import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { Connection } from './connection/connection.ts'

/** A tool, prompt, resource or template as the server defines it. */
export type NamedItem = JsonObject & { readonly name: string }

/** What a server offers at one time. */
export interface Offer {
  readonly tools: readonly NamedItem[]
  /** Each has a string `uri`. */
  readonly resources: readonly NamedItem[]
  /** Each has a string `uriTemplate`. */
  readonly resourceTemplates: readonly NamedItem[]
  readonly prompts: readonly NamedItem[]
  readonly capabilities: JsonObject
  readonly instructions?: string
  /** What was left out and why, each a sentence for the operator. */
  readonly problems: readonly string[]
}

const MAX_PAGES = 1000
const MAX_ITEMS = 10_000
const MAX_ITEM_BYTES = 256 * 1024
const MAX_PROBLEMS = 100
const METHOD_NOT_FOUND = -32_601

interface ListOf {
  readonly method: string
  /** Member of the result that holds the items, and the word for one. */
  readonly member: string
  readonly word: string
  readonly capability: 'tools' | 'resources' | 'prompts'
  /** Member of an item that tells it from the others of its kind. */
  readonly identity: string
  /** What is wrong with a named item, if anything. */
  readonly defect?: (item: NamedItem) => string | undefined
}

const TOOLS: ListOf = {
  method: 'tools/list',
  member: 'tools',
  word: 'tool',
  capability: 'tools',
  identity: 'name',
  defect: (tool) => {
    const schema = tool['inputSchema']
    return isJsonObject(schema) && schema['type'] === 'object'
      ? undefined
      : 'its inputSchema is not of type object'
  },
}
const RESOURCES: ListOf = {
  method: 'resources/list',
  member: 'resources',
  word: 'resource',
  capability: 'resources',
  identity: 'uri',
}
const TEMPLATES: ListOf = {
  method: 'resources/templates/list',
  member: 'resourceTemplates',
  word: 'resource template',
  capability: 'resources',
  identity: 'uriTemplate',
}
const PROMPTS: ListOf = {
  method: 'prompts/list',
  member: 'prompts',
  word: 'prompt',
  capability: 'prompts',
  identity: 'name',
}

/**
 * Asks a server for everything it declares, all pages, the four lists at the same time. An item that is not valid
 * is left out alone.
 * @throws GatewayError when a list cannot be had
 */
export async function discover(
  connection: Connection,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Offer> {
  const problems: string[] = []
  const list = (kind: ListOf): Promise<NamedItem[]> => listAll(connection, kind, options, problems)
  const [tools, resources, resourceTemplates, prompts] = await Promise.all([
    list(TOOLS),
    list(RESOURCES),
    list(TEMPLATES),
    list(PROMPTS),
  ])
  const { capabilities, instructions } = connection
  return {
    tools,
    resources,
    resourceTemplates,
    prompts,
    capabilities,
    ...(instructions !== undefined && { instructions }),
    problems: problems.slice(0, MAX_PROBLEMS),
  }
}

async function listAll(
  connection: Connection,
  kind: ListOf,
  options: { timeoutMs: number; signal: AbortSignal },
  problems: string[],
): Promise<NamedItem[]> {
  if (!isJsonObject(connection.capabilities[kind.capability])) return []
  const found = new Map<string, NamedItem>()
  const seen = new Set<string>()
  let cursor: string | undefined
  for (let page = 0; ; page += 1) {
    if (page === MAX_PAGES) {
      problems.push(`${kind.method}: only the first ${MAX_PAGES} pages are used`)
      break
    }
    const result = await requestPage(connection, kind, cursor, options, problems)
    if (result === undefined) break
    if (!takeItems(kind, result[kind.member], found, problems)) break
    const next = result['nextCursor']
    // An empty string is a cursor like any other.
    if (typeof next !== 'string') break
    if (seen.has(next)) {
      problems.push(`${kind.method}: the pages repeat themselves`)
      break
    }
    seen.add(next)
    cursor = next
  }
  return [...found.values()]
}

/**
 * One page; undefined where the server answers with an error: it does not know the method at all, or it fails at a
 * list that its tools do not need.
 */
async function requestPage(
  connection: Connection,
  kind: ListOf,
  cursor: string | undefined,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  problems: string[],
): Promise<JsonObject | undefined> {
  try {
    return await connection.request(kind.method, cursor === undefined ? undefined : { cursor }, {
      signal,
      timeoutMs,
    })
  } catch (error) {
    const upstream = error instanceof GatewayError ? error.facts.upstream : undefined
    if (upstream?.code === METHOD_NOT_FOUND) return undefined
    if (upstream === undefined || kind === TOOLS) throw error
    problems.push(`${kind.method}: it failed with error ${upstream.code}`)
    return undefined
  }
}

/** Adds the valid items of a page; says whether there is room for more. */
function takeItems(kind: ListOf, items: unknown, found: Map<string, NamedItem>, problems: string[]): boolean {
  if (!Array.isArray(items)) {
    problems.push(`${kind.method}: the answer has no list of ${kind.word}s`)
    return false
  }
  for (const item of items as readonly unknown[]) {
    if (found.size >= MAX_ITEMS) {
      problems.push(`${kind.method}: only the first ${MAX_ITEMS} ${kind.word}s are used`)
      return false
    }
    const checked = check(kind, item)
    if (typeof checked === 'string') {
      problems.push(checked)
      continue
    }
    const identity = String(checked[kind.identity])
    if (found.has(identity)) problems.push(`${kind.word} ${shown(identity)}: it is listed more than once`)
    else found.set(identity, checked)
  }
  return true
}

/** The item if it is valid, else what is wrong with it. */
function check(kind: ListOf, item: unknown): NamedItem | string {
  if (!isNamed(item)) return `a ${kind.word} without a name was left out`
  const defect = defectOf(kind, item)
  return defect === undefined ? item : `${kind.word} ${shown(item.name)}: ${defect}`
}

function isNamed(item: unknown): item is NamedItem {
  return isJsonObject(item) && typeof item['name'] === 'string' && item['name'] !== ''
}

function defectOf(kind: ListOf, item: NamedItem): string | undefined {
  if (typeof item[kind.identity] !== 'string') return `it has no ${kind.identity}`
  return kind.defect?.(item) ?? (isTooLarge(item) ? 'its definition is too large' : undefined)
}

function isTooLarge(item: JsonObject): boolean {
  return Buffer.byteLength(JSON.stringify(item)) > MAX_ITEM_BYTES
}

function shown(name: string): string {
  return name.replaceAll(/\p{C}/gu, ' ').slice(0, 100)
}
