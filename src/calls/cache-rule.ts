import type { Catalog } from '../catalog/catalog.ts'
import { isForAskable } from '../catalog/server-catalog.ts'
import { overridesOf } from '../domain/documents/tool-rules.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Route } from './call.ts'

/**
 * How long results of a tool may be cached, in milliseconds; undefined if they may not. An override for a pattern
 * applies only to tools that are annotated as read-only. A tool that is annotated as writing is never answered from the
 * cache, nor is a tool of a server that keeps state for each session.
 */
export function cacheTtlOf(route: Route, catalog: Pick<Catalog, 'catalogOf'>): number | undefined {
  const { server, name } = route
  if (server.tools === undefined || server.sharing === 'session') return undefined
  const ttlMs = overridesOf(server, name).findLast(({ cacheTtlMs }) => cacheTtlMs !== undefined)?.cacheTtlMs
  if (ttlMs === undefined) return undefined
  const offered = catalog.catalogOf(server)
  if (offered === undefined || isForAskable(offered, 'tools', name)) return undefined
  switch (effectOf(offered.toolsByOwnName.get(name)?.own)) {
    case 'reads':
      return ttlMs
    case 'writes':
      return undefined
    case 'unknown':
      return exactTtlOf(route)
  }
}

/** The effect that a server declares for its tool; `unknown` if the tool is not listed or has no hints. */
function effectOf(tool: JsonObject | undefined): 'reads' | 'writes' | 'unknown' {
  const annotations = tool?.['annotations']
  const { readOnlyHint, destructiveHint } = isJsonObject(annotations) ? annotations : {}
  if (readOnlyHint === true) return 'reads'
  return readOnlyHint === false || destructiveHint === true ? 'writes' : 'unknown'
}

function exactTtlOf({ server: { tools = {} }, name }: Route): number | undefined {
  const exact = Object.hasOwn(tools, name) ? tools[name] : undefined
  return exact === undefined || Array.isArray(exact) ? undefined : exact.cacheTtlMs
}
