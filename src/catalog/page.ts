import { GatewayError } from '../domain/errors.ts'
import type { CatalogItem } from './server-catalog.ts'

/** One page of a list that is sorted by the name shown. */
export interface Page {
  readonly items: readonly CatalogItem[]
  readonly nextCursor: string | undefined
}

/**
 * The page after `cursor`. A cursor only says after which name to go on, so one that was forged or kept across a
 * change of the list still shows nothing but the caller's own view.
 * @throws GatewayError `invalid_cursor`
 */
export function pageOf(items: readonly CatalogItem[], cursor: string | undefined, limit: number): Page {
  const start = cursor === undefined ? 0 : firstAfter(items, decodeCursor(cursor))
  const page = items.slice(start, start + limit)
  const last = page.at(-1)
  const hasMore = last !== undefined && start + limit < items.length
  return { items: page, nextCursor: hasMore ? encodeCursor(last.shownAs) : undefined }
}

function firstAfter(items: readonly CatalogItem[], name: string): number {
  const index = items.findIndex((item) => item.shownAs > name)
  return index === -1 ? items.length : index
}

function encodeCursor(name: string): string {
  return Buffer.from(JSON.stringify({ after: name })).toString('base64url')
}

function decodeCursor(cursor: string): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (typeof value === 'object' && value !== null && 'after' in value && typeof value.after === 'string') {
      return value.after
    }
  } catch {
    // Falls through to the one answer for every cursor that is not ours.
  }
  throw new GatewayError('invalid_cursor')
}
