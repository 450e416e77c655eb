import { hash } from 'node:crypto'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { type Principal, principalKey } from '../domain/principal.ts'
import type { CatalogItem } from './server-catalog.ts'

/** What a list is sorted by, and what of an item counts towards the size of a page. */
type Paged = Pick<CatalogItem, 'shownAs' | 'listed'>

/** One page of a list that is sorted by the shown name. */
export interface Page<T> {
  readonly items: readonly T[]
  /** How many items of the list are before it. */
  readonly start: number
  readonly nextCursor: string | undefined
}

/** The list that is paged; a cursor is valid for one such list only. */
export interface PagedList {
  readonly principal: Principal
  /** Name of the list, with everything that selects its items. */
  readonly list: string
  readonly scope: string | undefined
}

/** Limit for the definitions of a page, unless a single one is larger: clients read a page as a whole. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024
const texts = new WeakMap<JsonObject, { readonly text: string; readonly bytes: number }>()

/** Longer names would make cursors that do not fit into a URL. */
const MAX_NAME_BYTES = 600

/**
 * The page after `cursor`, of at most `limit` items and 2 MiB. A cursor names the last item and the list; it is not
 * secret, because a forged one shows only the caller's own view.
 * @throws GatewayError `invalid_cursor` for one that was not issued for this principal, list and scope
 */
export function pageOf<T extends Paged>(
  items: readonly T[],
  cursor: string | undefined,
  limit: number,
  of: PagedList,
): Page<T> {
  const start = cursor === undefined ? 0 : startOf(items, positionIn(cursor, of))
  const page = fitting(items, start, limit)
  const last = page.at(-1)
  const end = start + page.length
  const hasMore = last !== undefined && end < items.length
  return { items: page, start, nextCursor: hasMore ? cursorAfter(last.shownAs, end, of) : undefined }
}

function fitting<T extends Paged>(items: readonly T[], start: number, limit: number): T[] {
  const page: T[] = []
  let bytes = 0
  for (const item of items.slice(start, start + limit)) {
    bytes += written(item.listed).bytes
    if (bytes > MAX_PAGE_BYTES && page.length > 0) break
    page.push(item)
  }
  return page
}

/** A definition as JSON, which is written once. */
export function textOf(listed: JsonObject): string {
  return written(listed).text
}

function written(listed: JsonObject): { readonly text: string; readonly bytes: number } {
  const known = texts.get(listed)
  if (known !== undefined) return known
  const text = JSON.stringify(listed)
  const made = { text, bytes: Buffer.byteLength(text) }
  texts.set(listed, made)
  return made
}

/** The name of the last item; for a name that is too long, the number of items before the page. */
type Position = string | number

function startOf(items: readonly Paged[], position: Position): number {
  if (typeof position === 'number') return position
  const index = items.findIndex((item) => item.shownAs > position)
  return index === -1 ? items.length : index
}

function cursorAfter(name: string, count: number, of: PagedList): string {
  const position: Position = Buffer.byteLength(JSON.stringify(name)) > MAX_NAME_BYTES ? count : name
  return Buffer.from(JSON.stringify([ownerOf(of), position])).toString('base64url')
}

function positionIn(cursor: string, of: PagedList): Position {
  const value = decoded(cursor)
  if (Array.isArray(value) && value[0] === ownerOf(of)) {
    const position: unknown = value[1]
    if (typeof position === 'string') return position
    if (typeof position === 'number' && Number.isSafeInteger(position) && position >= 0) return position
  }
  throw new GatewayError('invalid_cursor')
}

function ownerOf({ principal, list, scope }: PagedList): string {
  const key = JSON.stringify([principalKey(principal), scope ?? null, list])
  return hash('sha256', key, 'base64url').slice(0, 22)
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}
