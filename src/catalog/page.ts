import { hash } from 'node:crypto'
import { GatewayError } from '../domain/errors.ts'
import { type Principal, principalKey } from '../domain/principal.ts'
import type { CatalogItem } from './server-catalog.ts'

/** One page of a list that is sorted by the name shown. */
export interface Page {
  readonly items: readonly CatalogItem[]
  readonly nextCursor: string | undefined
}

/** Whose list is paged; a cursor is good for one such list only. */
export interface PagedList {
  readonly principal: Principal
  /** Name of the list, with everything that selects what is in it. */
  readonly list: string
  readonly scope: string | undefined
}

/** Longer names make cursors that do not fit into a URL. */
const MAX_NAME_BYTES = 600

/**
 * The page after `cursor`. A cursor says after which name to go on and for which list; it is no secret, since whoever
 * makes one up sees nothing but the own view.
 * @throws GatewayError `invalid_cursor` for one that was not given out for this principal, list and scope
 */
export function pageOf(
  items: readonly CatalogItem[],
  cursor: string | undefined,
  limit: number,
  of: PagedList,
): Page {
  const start = cursor === undefined ? 0 : startOf(items, positionIn(cursor, of))
  const page = items.slice(start, start + limit)
  const last = page.at(-1)
  const hasMore = last !== undefined && start + limit < items.length
  return { items: page, nextCursor: hasMore ? cursorAfter(last.shownAs, start + limit, of) : undefined }
}

/** A name to go on after, or for a name that is too long the number of items before. */
type Position = string | number

function startOf(items: readonly CatalogItem[], position: Position): number {
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
