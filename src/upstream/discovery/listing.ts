import { GatewayError } from '../../domain/errors/errors.ts'
import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../../domain/json/json.ts'
import { weightOf } from '../../domain/json/json-weight.ts'
import { RawObject } from '../../domain/json/raw-object.ts'
import type { Connection, Era, RequestOptions } from '../connection/connection.ts'
import type { Form, Issue } from './definitions/form.ts'
import { promptForm, resourceForm, templateForm, toolForm } from './definitions/item-forms.ts'
import { type OfferProblems, shown, shownPlace } from './definitions/offer-problems.ts'
import { invalidAnnotation } from './header-annotations.ts'

/** A tool, prompt, resource or template as the server defines it, in the form that clients take. */
export type NamedItem = JsonObject & { readonly name: string }

/** A list of a server, by the member of the result that holds its items. */
export type ListName = 'tools' | 'resources' | 'resourceTemplates' | 'prompts'

const MAX_PAGES = 64
const MAX_ITEMS = 10_000
const MAX_ITEM_BYTES = 64 * 1024
const MAX_ITEM_SIZE = '64 KiB'
/** Of all definitions in one list of a server. */
export const MAX_LIST_BYTES = 8 * 1024 * 1024
/** A member, and half an object or a list, count as that much JSON: as a value they take more memory than their text. */
const BYTES_A_WEIGHT = 16
const METHOD_NOT_FOUND = -32_601

/** One of the lists that a server may have. */
export interface ListOf {
  readonly method: string
  /** Member of the result that holds the items, and the word for one. */
  readonly member: ListName
  readonly word: string
  readonly capability: 'tools' | 'resources' | 'prompts'
  /** Member of an item that tells it from the others of its kind. */
  readonly identity: string
  readonly form: Form
}

/** The list of tools. */
export const TOOLS: ListOf = {
  method: 'tools/list',
  member: 'tools',
  word: 'tool',
  capability: 'tools',
  identity: 'name',
  form: toolForm,
}
/** The list of resources. */
export const RESOURCES: ListOf = {
  method: 'resources/list',
  member: 'resources',
  word: 'resource',
  capability: 'resources',
  identity: 'uri',
  form: resourceForm,
}
/** The list of resource templates. */
export const TEMPLATES: ListOf = {
  method: 'resources/templates/list',
  member: 'resourceTemplates',
  word: 'resource template',
  capability: 'resources',
  identity: 'uriTemplate',
  form: templateForm,
}
/** The list of prompts. */
export const PROMPTS: ListOf = {
  method: 'prompts/list',
  member: 'prompts',
  word: 'prompt',
  capability: 'prompts',
  identity: 'name',
  form: promptForm,
}

/** The items of one list, with what each counts for. */
export type Listed = ReadonlyMap<string, { readonly item: NamedItem; readonly bytes: number }>

/**
 * All pages of one list of a server; empty where the server does not have it. An item that clients could not take is
 * left out alone.
 * @throws GatewayError when the list cannot be read
 */
export async function listAll(
  connection: Connection,
  kind: ListOf,
  options: Pick<RequestOptions, 'timeoutMs' | 'signal'>,
  { problems, onTtl }: { problems: OfferProblems; onTtl: (given: unknown) => void },
): Promise<Listed> {
  const taken = new Taken(kind, connection.era, problems)
  if (!isJsonObject(connection.capabilities[kind.capability])) return taken.items
  const seen = new Set<string>()
  let cursor: string | undefined
  for (let page = 0; ; page += 1) {
    if (page === MAX_PAGES) {
      problems.add('', `${kind.method}: only the first ${MAX_PAGES} pages are used`)
      break
    }
    const result = await requestPage(connection, kind, cursor, options)
    if (result === undefined) break
    onTtl(result['ttlMs'])
    // Servers that mean no cursor by an empty one give their first page again.
    if (cursor === '' && taken.hasAll(result[kind.member])) break
    if (!taken.page(result[kind.member])) break
    const next = nextOf(result, kind, problems)
    if (next === undefined) break
    if (seen.has(next)) {
      problems.add('', `${kind.method}: the pages repeat`)
      break
    }
    seen.add(next)
    cursor = next
  }
  return taken.items
}

/** One page; undefined where the server does not know the method. */
async function requestPage(
  connection: Connection,
  { method }: ListOf,
  cursor: string | undefined,
  { signal, timeoutMs }: Pick<RequestOptions, 'timeoutMs' | 'signal'>,
): Promise<JsonObject | undefined> {
  try {
    const params = cursor === undefined ? undefined : { cursor }
    const options = { signal, timeoutMs }
    // The way that costs less, where there is one.
    const sent = connection.requestRaw?.(method, params, options)
    const result = await (sent ?? connection.request(method, params, options))
    return result instanceof RawObject ? result.parse() : result
  } catch (error) {
    const upstream = error instanceof GatewayError ? error.facts.upstream : undefined
    if (upstream?.code === METHOD_NOT_FOUND) return undefined
    throw error
  }
}

/** An empty string is a cursor like any other. */
function nextOf(result: JsonObject, { method }: ListOf, problems: OfferProblems): string | undefined {
  const { nextCursor } = result
  if (typeof nextCursor === 'string') return nextCursor
  if (nextCursor !== undefined && nextCursor !== null)
    problems.add('', `${method}: nextCursor: expected a string; no more pages are read`)
  return undefined
}

/** The valid items of a list, page by page. */
class Taken {
  readonly items = new Map<string, { readonly item: NamedItem; readonly bytes: number }>()
  readonly #kind: ListOf
  readonly #era: Era
  readonly #problems: OfferProblems
  #count = 0
  #bytes = 0

  constructor(kind: ListOf, era: Era, problems: OfferProblems) {
    this.#kind = kind
    this.#era = era
    this.#problems = problems
  }

  /** Whether a page holds nothing but items that were listed before. */
  hasAll(items: unknown): boolean {
    const { identity } = this.#kind
    return (
      Array.isArray(items) &&
      items.every((item) => isJsonObject(item) && this.items.has(String(item[identity])))
    )
  }

  /** Adds the valid items of a page; says whether there is room for more. */
  page(items: unknown): boolean {
    const { method, word } = this.#kind
    if (!Array.isArray(items)) {
      this.#problems.add('', `${method}: the answer has no list of ${word}s`)
      return false
    }
    for (const item of items as readonly unknown[]) {
      if (this.items.size >= MAX_ITEMS) {
        this.#problems.add('', `${method}: only the first ${MAX_ITEMS} ${word}s are used`)
        return false
      }
      this.#count += 1
      if (!this.#take(item)) return false
    }
    return true
  }

  #take(given: unknown): boolean {
    const { word, method, identity } = this.#kind
    const label = `${word} ${this.#labelOf(given)}`
    const leaveOut = (why: string): true => {
      this.#problems.add(label, why)
      return true
    }
    const json = sizeOf(given)
    const bytes = json === undefined ? MAX_ITEM_BYTES : countedBytes(given, json)
    // What is left out counts, too: it has been read, and so would be what follows.
    this.#bytes += bytes
    if (this.#bytes > MAX_LIST_BYTES) {
      this.#problems.add('', `${method}: only the first ${MAX_LIST_BYTES / 1024 / 1024} MiB are used`)
      return false
    }
    if (json === undefined) return leaveOut('its definition is nested too deeply; it is left out')
    if (json > MAX_ITEM_BYTES)
      return leaveOut(`its definition is larger than ${MAX_ITEM_SIZE}; it is left out`)
    const item = this.#checked(given, label)
    if (item === undefined) return true
    const own = String(item[identity])
    if (this.items.has(own)) return leaveOut('it is listed more than once; the first one counts')
    this.items.set(own, { item, bytes })
    return true
  }

  /** The item in the form that clients take; undefined where nothing can be made of it. */
  #checked(given: unknown, label: string): NamedItem | undefined {
    const { form, word } = this.#kind
    const issues: Issue[] = []
    const item = form(given, '', issues)
    for (const { place, text, outcome = `the ${word} is left out` } of issues) {
      const at = place === '' ? '' : `${shownPlace(place)}: `
      this.#problems.add(label, `${at}${shown(text, 200)}; ${outcome}`)
    }
    if (!isNamed(item)) return undefined
    // No earlier revision gives these annotations a meaning.
    const annotation =
      word === 'tool' && this.#era === 'modern' ? invalidAnnotation(item['inputSchema']) : undefined
    if (annotation === undefined) return item
    this.#problems.add(label, `its x-mcp-header at ${shown(annotation.at)} ${annotation.why}`)
    return undefined
  }

  #labelOf(item: unknown): string {
    const { name, [this.#kind.identity]: address } = isJsonObject(item) ? item : {}
    const label = [name, address].find((each) => typeof each === 'string' && each !== '')
    return typeof label === 'string' ? shown(label) : `number ${this.#count}`
  }
}

function isNamed(item: unknown): item is NamedItem {
  return isJsonObject(item) && typeof item['name'] === 'string'
}

/** What a definition, which must not nest deeply, counts for among those of its server. */
export function countedBytes(item: unknown, json = sizeOf(item) ?? MAX_ITEM_BYTES): number {
  return Math.max(json, weightOf(item) * BYTES_A_WEIGHT)
}

/** Undefined for what nests too deeply: writing it could overflow the stack. */
function sizeOf(item: unknown): number | undefined {
  return isDeeperThan(item, MAX_JSON_DEPTH) ? undefined : Buffer.byteLength(JSON.stringify(item) ?? '')
}
