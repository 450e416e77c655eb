import type { Method } from '../../calls/methods.ts'
import { pageOf } from '../../catalog/page.ts'
import type { CatalogItem } from '../../catalog/server-catalog.ts'
import type { View } from '../../catalog/view.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Era } from '../../upstream/connection/connection.ts'
import type { ListName } from '../../upstream/discovery/listing.ts'
import { legacyForm, modernTool } from './era-forms.ts'

const PAGE_SIZE = 1000

/** The part of a view that each list has. */
const ITEMS: Readonly<Record<ListName, (view: View) => readonly CatalogItem[]>> = {
  tools: (view) => view.tools,
  prompts: (view) => view.prompts,
  resources: (view) => view.resources,
  resourceTemplates: (view) => view.templates,
}

/** `_meta` keys that name the servers whose items are missing or may be out of date. */
export const MISSING_SERVERS = 'tool-gateway/missingServers'
const STALE_SERVERS = 'tool-gateway/staleServers'

/** Whether a method lists a part of the view. */
export function isList(method: Method | undefined): method is Method & { readonly list: ListName } {
  return method?.list !== undefined
}

/** The caller of a list method, and the page that it requests. */
export interface ListRequest {
  readonly principal: Principal
  readonly scope: string | undefined
  readonly era: Era
  readonly cursor: unknown
}

/** A page of a list. */
export interface ListPage {
  readonly list: ListName
  readonly era: Era
  readonly found: readonly CatalogItem[]
  /** How many items of the list are before it. */
  readonly start: number
  /** The members of the result other than the items. */
  readonly more: JsonObject
}

/**
 * The result of a method that lists a part of the view.
 * @throws GatewayError `invalid_cursor`
 */
export function listResult(
  method: Method & { readonly list: ListName },
  view: View,
  request: ListRequest,
): JsonObject {
  const page = listPage(method, view, request)
  return { [page.list]: itemsIn(page), ...page.more }
}

/** The items of a page, as the result of its method has them. */
export function itemsIn({ found, list, era }: ListPage): JsonObject[] {
  return found.map(({ listed }) => formOf(listed, list, era))
}

/**
 * The page that a method lists. Lists depend on the caller, so shared caches must not keep them (MCP 2026-07-28,
 * caching).
 * @throws GatewayError `invalid_cursor`
 */
export function listPage(
  { name, list }: Method & { readonly list: ListName },
  view: View,
  { principal, scope, era, cursor }: ListRequest,
): ListPage {
  if (cursor !== undefined && typeof cursor !== 'string') throw new GatewayError('invalid_cursor')
  const of = { principal, scope, list: name }
  const { items: found, start, nextCursor } = pageOf(ITEMS[list](view), cursor, PAGE_SIZE, of)
  const meta = {
    ...(view.missing.length > 0 && { [MISSING_SERVERS]: view.missing }),
    ...(view.stale.length > 0 && { [STALE_SERVERS]: view.stale }),
  }
  return {
    list,
    era,
    found,
    start,
    more: {
      ...(nextCursor !== undefined && { nextCursor }),
      ...(era === 'modern' && freshness(view.ttlMs[list])),
      ...(Object.keys(meta).length > 0 && { _meta: meta }),
    },
  }
}

function formOf(listed: JsonObject, list: ListName, era: Era): JsonObject {
  if (era === 'legacy') return legacyForm(listed)
  return list === 'tools' ? modernTool(listed) : listed
}

/** Without a TTL of any server the SDK sends zero. */
function freshness(ttlMs: number | undefined): JsonObject {
  return { ...(ttlMs !== undefined && { ttlMs }), cacheScope: 'private' }
}
