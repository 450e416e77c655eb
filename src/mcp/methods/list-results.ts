import { pageOf } from '../../catalog/page.ts'
import type { CatalogItem } from '../../catalog/server-catalog.ts'
import type { View } from '../../catalog/view.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Era } from '../../upstream/connection/connection.ts'
import type { ListName } from '../../upstream/discovery/listing.ts'
import { legacyForm } from './legacy-form.ts'

const PAGE_SIZE = 1000

/** The list methods of MCP: the part of a view that each one lists, and the member of the result for it. */
const LISTS: ReadonlyMap<string, { key: ListName; itemsOf: (view: View) => readonly CatalogItem[] }> =
  new Map([
    ['tools/list', { key: 'tools', itemsOf: (view: View) => view.tools }],
    ['prompts/list', { key: 'prompts', itemsOf: (view: View) => view.prompts }],
    ['resources/list', { key: 'resources', itemsOf: (view: View) => view.resources }],
    ['resources/templates/list', { key: 'resourceTemplates', itemsOf: (view: View) => view.templates }],
  ])

/** `_meta` keys that name the servers whose items are missing or may be out of date. */
export const MISSING_SERVERS = 'tool-gateway/missingServers'
const STALE_SERVERS = 'tool-gateway/staleServers'

/** The caller of a list method, and the page that it requests. */
export interface ListRequest {
  readonly principal: Principal
  readonly scope: string | undefined
  readonly era: Era
  readonly cursor: unknown
}

/**
 * The result of a list method; undefined if `method` is not one. Lists depend on the caller, so shared caches must not
 * keep them (MCP 2026-07-28, caching).
 * @throws GatewayError `invalid_cursor`
 */
export function listResult(
  method: string,
  view: View,
  { principal, scope, era, cursor }: ListRequest,
): JsonObject | undefined {
  const list = LISTS.get(method)
  if (list === undefined) return undefined
  if (cursor !== undefined && typeof cursor !== 'string') throw new GatewayError('invalid_cursor')
  const { items, nextCursor } = pageOf(list.itemsOf(view), cursor, PAGE_SIZE, {
    principal,
    scope,
    list: method,
  })
  const meta = {
    ...(view.missing.length > 0 && { [MISSING_SERVERS]: view.missing }),
    ...(view.stale.length > 0 && { [STALE_SERVERS]: view.stale }),
  }
  return {
    [list.key]: items.map(({ listed }) => (era === 'legacy' ? legacyForm(listed) : listed)),
    ...(nextCursor !== undefined && { nextCursor }),
    ...(era === 'modern' && freshness(view.ttlMs[list.key])),
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
  }
}

/** Without a TTL of any server the SDK sends zero. */
function freshness(ttlMs: number | undefined): JsonObject {
  return { ...(ttlMs !== undefined && { ttlMs }), cacheScope: 'private' }
}
