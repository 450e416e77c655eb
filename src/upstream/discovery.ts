import { GatewayError } from '../domain/errors.ts'
import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../domain/json.ts'
import type { Connection, Era } from './connection/connection.ts'
import { invalidAnnotation } from './header-annotations.ts'

/** A tool, prompt, resource or template as the server defines it. */
export type NamedItem = JsonObject & { readonly name: string }

export type ListName = 'tools' | 'resources' | 'resourceTemplates' | 'prompts'

/** The items, by the server's own name or URI of each, that it shows only to a client that declares capabilities. */
export type NeedsClient = Readonly<Record<ListName, ReadonlySet<string>>>

/** Every item shows to every client. */
export const NEEDS_NO_CLIENT: NeedsClient = {
  tools: new Set(),
  prompts: new Set(),
  resources: new Set(),
  resourceTemplates: new Set(),
}

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
  /** Which of the items need a client that the server can ask. */
  readonly needsClient: NeedsClient
  /** For how long a list may be taken for current, in milliseconds, where the server said so. */
  readonly ttlMs: Readonly<Partial<Record<ListName, number>>>
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
  readonly member: ListName
  readonly word: string
  readonly capability: 'tools' | 'resources' | 'prompts'
  /** Member of an item that tells it from the others of its kind. */
  readonly identity: string
  /** What is wrong with a named item, if anything. */
  readonly defect?: (item: NamedItem, era: Era) => string | undefined
}

const TOOLS: ListOf = {
  method: 'tools/list',
  member: 'tools',
  word: 'tool',
  capability: 'tools',
  identity: 'name',
  defect: (tool, era) => {
    const schema = tool['inputSchema']
    if (!isJsonObject(schema) || schema['type'] !== 'object') return 'its inputSchema is not of type object'
    // No earlier revision gives these annotations a meaning.
    const annotation = era === 'modern' ? invalidAnnotation(schema) : undefined
    return annotation && `its x-mcp-header at ${shown(annotation.at)} ${annotation.why}`
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
  const ttlMs: Partial<Record<ListName, number>> = {}
  const noteTtl = ({ member }: ListOf, given: unknown): void => {
    if (connection.era !== 'modern' || typeof given !== 'number' || !Number.isSafeInteger(given)) return
    ttlMs[member] = Math.min(ttlMs[member] ?? Infinity, Math.max(given, 0))
  }
  const list = (kind: ListOf): Promise<NamedItem[]> =>
    listAll(connection, kind, options, { problems, onTtl: (given) => noteTtl(kind, given) })
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
    needsClient: NEEDS_NO_CLIENT,
    ttlMs,
    problems: problems.slice(0, MAX_PROBLEMS),
  }
}

async function listAll(
  connection: Connection,
  kind: ListOf,
  options: { timeoutMs: number; signal: AbortSignal },
  { problems, onTtl }: { problems: string[]; onTtl: (given: unknown) => void },
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
    onTtl(result['ttlMs'])
    if (!takeItems(kind, result[kind.member], { found, era: connection.era, problems })) break
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
function takeItems(
  kind: ListOf,
  items: unknown,
  { found, era, problems }: { found: Map<string, NamedItem>; era: Era; problems: string[] },
): boolean {
  if (!Array.isArray(items)) {
    problems.push(`${kind.method}: the answer has no list of ${kind.word}s`)
    return false
  }
  for (const item of items as readonly unknown[]) {
    if (found.size >= MAX_ITEMS) {
      problems.push(`${kind.method}: only the first ${MAX_ITEMS} ${kind.word}s are used`)
      return false
    }
    const checked = check(kind, item, era)
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
function check(kind: ListOf, item: unknown, era: Era): NamedItem | string {
  if (!isNamed(item)) return `a ${kind.word} without a name was left out`
  const defect = defectOf(kind, item, era)
  return defect === undefined ? item : `${kind.word} ${shown(item.name)}: ${defect}`
}

function isNamed(item: unknown): item is NamedItem {
  return isJsonObject(item) && typeof item['name'] === 'string' && item['name'] !== ''
}

function defectOf(kind: ListOf, item: NamedItem, era: Era): string | undefined {
  if (typeof item[kind.identity] !== 'string') return `it has no ${kind.identity}`
  if (isTooLarge(item)) return 'its definition is too large'
  return kind.defect?.(item, era)
}

/** Depth comes first: to write what is deep enough overflows the stack. */
function isTooLarge(item: JsonObject): boolean {
  return isDeeperThan(item, MAX_JSON_DEPTH) || Buffer.byteLength(JSON.stringify(item)) > MAX_ITEM_BYTES
}

function shown(name: string): string {
  return name.replaceAll(/\p{C}/gu, ' ').slice(0, 100)
}
